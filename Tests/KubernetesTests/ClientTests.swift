import CurlClient
import FoundationEssentials
import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite("Kubernetes client")
struct ClientTests {
    private static let path = "/api/v1/configmaps"

    /// A client of a fake server that waits for nothing.
    private struct Rig {
        let server: FakeKubernetesAPIServer
        let client: KubernetesClient
        let reports = NIOLockedValueBox<[RequestReport]>([])
        let sleeps = NIOLockedValueBox<[Duration]>([])

        var maps: Resources<ConfigMap> { client.resources(ConfigMap.self, in: "n") }

        init(credentials: CredentialSource = .anonymous, impersonation: ClusterConfiguration.Impersonation? = nil)
            async throws
        {
            server = try await FakeKubernetesAPIServer()
            var options = KubernetesClient.Options()
            options.userAgent = "tests/1"
            options.timeout = .seconds(5)
            options.sleep = { [sleeps] duration in sleeps.withLockedValue { $0.append(duration) } }
            options.observer = { [reports] report in reports.withLockedValue { $0.append(report) } }
            client = KubernetesClient(
                ClusterConfiguration(
                    server: server.url, proxy: .none, credentials: credentials, impersonation: impersonation),
                curl: try CurlClient(), options: options)
        }
    }

    private func map(_ name: String, _ data: [String: String] = [:]) -> ConfigMap {
        ConfigMap(metadata: ObjectMeta(name: name), data: data)
    }

    private func failure<Answer>(_ body: () async throws(KubernetesError) -> Answer) async -> KubernetesError? {
        do throws(KubernetesError) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    @Test("objects are created, read, replaced, merged, applied and deleted")
    func verbs() async throws {
        let rig = try await Rig()
        let maps = rig.maps
        let created = try await maps.create(map("a", ["k": "1"]), .init(fieldManager: "m", fieldValidation: .strict))
        #expect(created.metadata.namespace == "n")
        #expect(try await maps.get("a") == created)
        #expect(try await maps.find("b") == nil)
        var changed = created
        changed.data = ["k": "2"]
        let updated = try await maps.update(changed)
        #expect(updated.data == ["k": "2"])
        #expect(try await maps.merge("a", ["data": ["k": nil, "l": "3"]]).data == ["l": "3"])
        let applied = try await maps.apply(map("b", ["x": "y"]), manager: "me", isForced: true)
        #expect(applied.data == ["x": "y"])
        #expect(try await maps.listAll().items.map(\.key.name) == ["a", "b"])
        try await maps.delete("b", .init(uid: applied.metadata.uid, propagation: .background))
        #expect(try await maps.find("b") == nil)

        let requests = rig.server.requests
        #expect(requests[0].body["apiVersion"] == "v1")
        #expect(requests[0].body["kind"] == "ConfigMap")
        #expect(requests[0].query == ["fieldManager": "m", "fieldValidation": "Strict"])
        #expect(requests[0].headers["user-agent"] == "tests/1")
        #expect(requests[0].headers["content-type"] == "application/json")
        #expect(requests[4].headers["content-type"] == "application/merge-patch+json")
        #expect(requests[5].headers["content-type"] == "application/apply-patch+yaml")
        #expect(requests[5].query == ["fieldManager": "me", "force": "true"])
        #expect(requests[7].body["preconditions"] == ["uid": .string(applied.metadata.uid ?? "")])
        #expect(requests[7].body["propagationPolicy"] == "Background")
        let verbs = rig.reports.withLockedValue { $0.map { "\($0.verb) \($0.name ?? "") \($0.code ?? 0)" } }
        #expect(
            verbs == [
                "create a 201", "get a 200", "get b 404", "update a 200", "patch a 200", "patch b 201", "list  200",
                "delete b 200", "get b 404",
            ])
    }

    @Test("refusals are told apart, with the operation and the server's words")
    func refusals() async throws {
        let rig = try await Rig()
        let maps = rig.maps
        let created = try await maps.create(map("a"))
        let missing = await failure { () async throws(KubernetesError) in try await maps.get("none") }
        #expect(missing?.isNotFound == true)
        #expect("\(missing.map { "\($0)" } ?? "")".contains("get configmaps n/none"))
        let twice = await failure { () async throws(KubernetesError) in try await maps.create(map("a")) }
        #expect(twice?.isAlreadyExists == true)
        #expect(twice?.isConflict == false)
        _ = try await maps.merge("a", ["data": ["x": "1"]])
        let stale = await failure { () async throws(KubernetesError) in try await maps.update(created) }
        #expect(stale?.isConflict == true)
        let other = await failure { () async throws(KubernetesError) in
            try await maps.delete("a", .init(uid: "other"))
        }
        #expect(other?.isConflict == true)
        let nameless = await failure { () async throws(KubernetesError) in try await maps.get("") }
        guard case .malformed = nameless else {
            Issue.record("\(String(describing: nameless))")
            return
        }
        rig.server.fail(.garbage(status: 502), where: { $0.method == "PUT" })
        var fresh = try await maps.get("a")
        fresh.data = [:]
        let proxy = await failure { [fresh] () async throws(KubernetesError) in try await maps.update(fresh) }
        #expect(proxy?.status?.reason == .serviceUnavailable)
        #expect(proxy?.status?.message == "<html>Bad Gateway</html>")
        rig.server.fail(.garbage(status: 200))
        let garbage = await failure { () async throws(KubernetesError) in try await maps.get("a") }
        guard case .malformed = garbage else {
            Issue.record("\(String(describing: garbage))")
            return
        }
    }

    @Test("a write whose answer is lost is not sent twice; a read is")
    func lostAnswers() async throws {
        let rig = try await Rig()
        rig.server.fail(.closeAfterwards)
        let lost = await failure { () async throws(KubernetesError) in try await rig.maps.create(map("a")) }
        guard case .transport(.connectionLost, _) = lost else {
            Issue.record("\(String(describing: lost))")
            return
        }
        #expect(rig.server.requests.count == 1)
        // Over a connection that has served before, too, where libcurl would send anything again.
        _ = try await rig.maps.get("a")
        rig.server.fail(.closeAfterwards)
        let lostAgain = await failure { () async throws(KubernetesError) in try await rig.maps.create(map("b")) }
        guard case .transport(.connectionLost, _) = lostAgain else {
            Issue.record("\(String(describing: lostAgain))")
            return
        }
        #expect(rig.server.requests.count == 3)
        rig.server.fail(.close)
        rig.server.fail(.status(500, reason: "InternalError"))
        #expect(try await rig.maps.get("a").metadata.name == "a")
        #expect(rig.sleeps.withLockedValue { (1...2).contains($0.count) })
    }

    @Test("429 is waited for as long as the server says, also by writes")
    func tooManyRequests() async throws {
        let rig = try await Rig()
        rig.server.fail(.status(429, reason: "TooManyRequests", headers: [("Retry-After", "3")]))
        try await rig.maps.create(map("a"))
        #expect(
            rig.sleeps.withLockedValue { $0.allSatisfy { $0 >= .seconds(3) && $0 <= .seconds(4) } && $0.count == 1 })
    }

    @Test("a token that was replaced is read again at once when the server refuses the old one")
    func rotation() async throws {
        let file = FileManager.default.temporaryDirectory.path() + "/token-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: file) }
        _ = FileManager.default.createFile(atPath: file, contents: Data("one\n".utf8))
        let rig = try await Rig(credentials: .tokenFile(file))
        rig.server.accept(tokens: ["one"])
        try await rig.maps.create(map("a"))
        _ = FileManager.default.createFile(atPath: file, contents: Data("two\n".utf8))
        _ = try await rig.maps.get("a")
        rig.server.accept(tokens: ["two"])
        _ = try await rig.maps.get("a")
        #expect(
            rig.server.requests.map { $0.headers["authorization"] ?? "" } == [
                "Bearer one", "Bearer one", "Bearer one", "Bearer two",
            ])
        // A write too: what was refused for its token has not been done.
        _ = FileManager.default.createFile(atPath: file, contents: Data("three".utf8))
        rig.server.accept(tokens: ["three"])
        try await rig.maps.create(map("b"))
        rig.server.accept(tokens: [])
        let refused = await failure { () async throws(KubernetesError) in try await rig.maps.get("a") }
        #expect(refused?.status?.reason == .unauthorized)
        #expect(rig.server.requests.count == 7)
    }

    @Test("a plugin's token is asked for once, and again when the server refuses it")
    func execPlugin() async throws {
        let counter = FileManager.default.temporaryDirectory.path() + "/exec-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: counter) }
        let script = """
            echo x >> "$COUNTER"; n=$(wc -l < "$COUNTER")
            case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 3;; esac
            printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}' $n
            """
        let plugin = ExecPlugin(
            apiVersion: "client.authentication.k8s.io/v1", command: "sh", arguments: ["-c", script],
            environment: [.init(name: "COUNTER", value: counter)])
        let rig = try await Rig(credentials: .exec(plugin))
        rig.server.accept(tokens: ["t1"])
        try await rig.maps.create(map("a"))
        _ = try await rig.maps.get("a")
        rig.server.accept(tokens: ["t2"])
        _ = try await rig.maps.get("a")
        #expect(
            rig.server.requests.map { $0.headers["authorization"] ?? "" } == [
                "Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2",
            ])
        let broken = try await Rig(
            credentials: .exec(
                ExecPlugin(
                    apiVersion: "client.authentication.k8s.io/v1", command: "sh",
                    arguments: ["-c", "echo no cloud >&2; exit 1"])))
        let failure = await failure { () async throws(KubernetesError) in try await broken.maps.get("a") }
        #expect(failure.map { "\($0)" }?.contains("no cloud") == true)
        #expect(broken.server.requests.isEmpty)
    }

    @Test("impersonation is asked for with every request")
    func impersonation() async throws {
        let rig = try await Rig(impersonation: .init(user: "system:serviceaccount:n:a", groups: ["g"]))
        _ = try await rig.maps.find("a")
        #expect(rig.server.requests.first?.headers["impersonate-user"] == "system:serviceaccount:n:a")
        #expect(rig.server.requests.first?.headers["impersonate-group"] == "g")
    }

    @Test("pages are put together, and a forgotten page begins the list again in one answer")
    func pages() async throws {
        let rig = try await Rig()
        for index in 0..<1200 {
            rig.server.put(["metadata": ["name": .string("m\(index)")]], in: Self.path, namespace: "n")
        }
        rig.server.put(["metadata": ["name": "x", "labels": ["a": "b"]]], in: Self.path, namespace: "o")
        #expect(try await rig.maps.listAll().items.count == 1200)
        #expect(rig.server.requests.count == 3)
        let everywhere = rig.client.resources(ConfigMap.self, in: nil)
        #expect(try await everywhere.listAll(.init(labels: "a=b")).items.map(\.key.description) == ["o/x"])
        rig.server.fail(.status(410, reason: "Expired"), where: { $0.query["continue"] != nil })
        #expect(try await rig.maps.listAll().items.count == 1200)
        #expect(rig.server.requests.last?.query["limit"] == nil)
    }

    @Test("one object that cannot be read leaves the others of a list alone")
    func unreadable() async throws {
        let rig = try await Rig()
        rig.server.put(["metadata": ["name": "good"]], in: Self.path, namespace: "n")
        rig.server.put(["metadata": ["name": "bad"], "data": ["k": 5]], in: Self.path, namespace: "n")
        let list = try await rig.maps.listAll()
        #expect(list.items.map(\.key.name) == ["good"])
        #expect(list.unreadable.map(\.metadata.name) == ["bad"])
        #expect(list.unreadable.first?.reason == "data.k: expected string, found integer")
    }

    @Test("names cannot lead to other paths")
    func escaping() async throws {
        let rig = try await Rig()
        for name in ["../secrets/x", "a/b", "..", "a?b", "a#b"] {
            _ = await failure { () async throws(KubernetesError) in try await rig.maps.get(name) }
        }
        let paths = rig.server.requests.map(\.path)
        #expect(
            paths.allSatisfy { $0.hasPrefix("/api/v1/namespaces/n/configmaps/") && $0.split(separator: "/").count == 6 }
        )
        #expect(paths[2] == "/api/v1/namespaces/n/configmaps/%2E%2E")
    }

    @Test("a silent server is given up after the time allowed")
    func silence() async throws {
        let server = try await FakeKubernetesAPIServer()
        var options = KubernetesClient.Options()
        options.timeout = .milliseconds(50)
        options.retries.retries = 1
        options.sleep = { _ in }
        let client = KubernetesClient(
            ClusterConfiguration(server: server.url, proxy: .none), curl: try CurlClient(), options: options)
        for _ in 0..<2 { server.fail(.silence) }
        let late = await failure { () async throws(KubernetesError) in
            try await client.resources(ConfigMap.self, in: "n").get("a")
        }
        guard case .transport(.timedOut, _) = late else {
            Issue.record("\(String(describing: late))")
            return
        }
    }
}
