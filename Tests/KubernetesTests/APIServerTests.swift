import CurlClient
import FoundationEssentials
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// The library against a real API server, and the fake server beside it.
@Suite("Kubernetes library on a real API server", .enabled(if: KubernetesAPIServer.isInstalled))
struct APIServerTests {
    private func client(
        _ configuration: ClusterConfiguration, options: KubernetesClient.Options = .init()
    ) throws -> KubernetesClient {
        var options = options
        options.requestsPerSecond = 0
        options.retries.retries = 0
        return KubernetesClient(configuration, curl: try CurlClient(), options: options)
    }

    /// The configuration of the server's administrator, as kubectl would read it.
    private func configuration(
        _ server: KubernetesAPIServer, namespace: String, token: String? = nil
    ) throws -> ClusterConfiguration {
        var configuration = try ClusterConfiguration.load(
            kubeconfig: try server.kubeconfig(token: token, namespace: namespace), environment: [:])
        configuration.proxy = .none
        return configuration
    }

    private func maps(_ server: KubernetesAPIServer) async throws -> Resources<ConfigMap> {
        let configuration = try configuration(server, namespace: try await server.namespace())
        return try client(configuration).resources(ConfigMap.self, in: configuration.namespace)
    }

    private func failure<Answer>(_ body: () async throws(KubernetesError) -> Answer) async -> KubernetesError? {
        do throws(KubernetesError) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    private func map(_ name: String, _ data: [String: String] = [:], labels: [String: String] = [:]) -> ConfigMap {
        ConfigMap(metadata: ObjectMeta(name: name, labels: labels), data: data)
    }

    @Test("leases are created, renewed under their version, applied and deleted", .timeLimit(.minutes(2)))
    func leases() async throws {
        let server = try await KubernetesAPIServer.shared
        let configuration = try configuration(server, namespace: try await server.namespace())
        let leases = try client(configuration).resources(Preserved<Lease>.self, in: configuration.namespace)
        let plain = try client(configuration).resources(Lease.self, in: configuration.namespace)
        let time = MicroTime(microsecondsSince1970: 1_767_323_045_123_456)
        try await plain.create(
            Lease(
                metadata: ObjectMeta(name: "l"),
                spec: .init(holderIdentity: "a", leaseDurationSeconds: 15, acquireTime: time, renewTime: time)),
            .init(fieldManager: "tests"))
        var lease = try await leases.get("l")
        #expect(lease.spec?.renewTime == time)
        #expect(lease.metadata.creationTimestamp != nil)
        let stale = lease
        lease.spec?.holderIdentity = "b"
        lease.spec?.acquireTime = nil
        let renewed = try await leases.update(lease)
        #expect(renewed.spec?.holderIdentity == "b")
        #expect(renewed.spec?.acquireTime == nil)
        #expect(renewed.document["metadata"]?["managedFields"] != nil)
        #expect(
            await failure { () async throws(KubernetesError) in try await leases.update(stale) }?.isConflict == true)
        let guarded: JSONValue = ["metadata": ["resourceVersion": "1"], "spec": ["holderIdentity": "c"]]
        #expect(
            await failure { () async throws(KubernetesError) in try await plain.merge("l", guarded) }?.isConflict
                == true)
        try await plain.delete("l")
        #expect(try await plain.find("l") == nil)
    }

    @Test(
        "an apply that takes another manager's field is a conflict that names it, unless forced",
        .timeLimit(.minutes(2)))
    func apply() async throws {
        let maps = try await maps(try await .shared)
        try await maps.apply(map("m", ["k": "1"]), manager: "first", isForced: false)
        let conflict = await failure { () async throws(KubernetesError) in
            try await maps.apply(map("m", ["k": "2"]), manager: "second", isForced: false)
        }
        #expect(conflict?.isConflict == true)
        #expect(conflict?.status?.causes.first?.reason == "FieldManagerConflict")
        #expect(conflict.map { "\($0)" }?.contains("first") == true)
        try await maps.apply(map("m", ["k": "2"]), manager: "second", isForced: true)
        // What a manager wants no longer goes.
        try await maps.apply(map("m", ["l": "3"]), manager: "second", isForced: true)
        #expect(try await maps.get("m").data == ["l": "3"])
    }

    @Test("pages, selectors and deletions under preconditions", .timeLimit(.minutes(2)))
    func lists() async throws {
        let maps = try await maps(try await .shared)
        for index in 0..<12 { try await maps.create(map("m\(index)", labels: ["even": "\(index % 2 == 0)"])) }
        let page = try await maps.list(.init(limit: 5))
        #expect(page.items.count == 5)
        #expect(page.nextPage != nil)
        #expect(try await maps.list(.init(limit: 5, continue: page.nextPage)).items.count == 5)
        #expect(try await maps.listAll(.init(labels: "even=true")).items.count == 6)
        #expect(try await maps.listAll(.init(fields: "metadata.name=m3")).items.map(\.key.name) == ["m3"])
        let other = await failure { () async throws(KubernetesError) in try await maps.delete("m3", .init(uid: "x")) }
        #expect(other?.isConflict == true)
        try await maps.delete("m3", .init(resourceVersion: try await maps.get("m3").metadata.resourceVersion))
        #expect(try await maps.find("m3") == nil)
    }

    @Test("the server's version decides where endpoint slices are", .timeLimit(.minutes(2)))
    func discovery() async throws {
        let server = try await KubernetesAPIServer.shared
        let discovery = try client(try configuration(server, namespace: "default")).discovery
        let version = try await discovery.serverVersion()
        #expect(version.gitVersion.utf8.first == UInt8(ascii: "v"))
        let groupVersions = try await discovery.versions(of: EndpointSlice.resourceType.group)
        let places = [EndpointSlice.resourceType, EndpointSlice.resourceType.at(version: "v1beta1")]
        let served = try await discovery.firstServed(of: places)
        #expect(served?.version == (groupVersions.contains("v1") ? "v1" : "v1beta1"))
        #expect(try await discovery.versions(of: "none.example.com") == [])
        #expect(try await discovery.serves(.init(version: "v1", plural: "nothings", kind: "Nothing")) == false)
        #expect(try await discovery.firstServed(of: [Lease.resourceType]) == Lease.resourceType)
    }

    @Test("a service account may do what its role says and nothing else", .timeLimit(.minutes(2)))
    func rights() async throws {
        let server = try await KubernetesAPIServer.shared
        let namespace = try await server.namespace()
        let token = try await server.serviceAccount(
            "reader", in: namespace, rules: [.init(["configmaps"], ["get", "list", "watch"])])
        let reader = try client(try configuration(server, namespace: namespace, token: token))
        let maps = reader.resources(ConfigMap.self, in: namespace)
        _ = try await maps.listAll()
        let refused = await failure { () async throws(KubernetesError) in try await maps.create(map("a")) }
        #expect(refused?.status?.reason == .forbidden)
        #expect(refused.map { "\($0)" }?.contains("create configmaps") == true)
        let stranger = try client(try configuration(server, namespace: namespace, token: "nobody"))
        let unknown = await failure { () async throws(KubernetesError) in
            try await stranger.resources(ConfigMap.self, in: namespace).get("a")
        }
        #expect(unknown?.status?.reason == .unauthorized)
        // As an administrator in the service account's place.
        var configuration = try configuration(server, namespace: namespace)
        configuration.impersonation = .init(user: "system:serviceaccount:\(namespace):reader")
        let inPlace = try client(configuration).resources(ConfigMap.self, in: namespace)
        _ = try await inPlace.listAll()
        let refusedToo = await failure { () async throws(KubernetesError) in try await inPlace.create(map("a")) }
        #expect(refusedToo?.status?.reason == .forbidden)
    }

    @Test("the authority, the server's name and the replacement of the authority's file count", .timeLimit(.minutes(2)))
    func trust() async throws {
        let server = try await KubernetesAPIServer.shared
        let others = try TestCertificates()
        let file = FileManager.default.temporaryDirectory.path() + "/ca-\(UInt64.random(in: 0 ... .max)).crt"
        defer { try? FileManager.default.removeItem(atPath: file) }
        func put(_ path: String) {
            let data = FileManager.default.contents(atPath: path)
            #expect(FileManager.default.createFile(atPath: file, contents: data))
        }
        put(others.path("ca.pem"))
        var configuration = try configuration(server, namespace: "default")
        configuration.tls = CurlTLS(authorities: .file(file))
        let first = try client(configuration)
        let untrusted = await failure { () async throws(KubernetesError) in
            try await first.discovery.serverVersion()
        }
        guard case .transport(.tls, _) = untrusted else {
            Issue.record("\(String(describing: untrusted))")
            return
        }
        put(server.authorityFile)
        _ = try await first.discovery.serverVersion()

        configuration.tls.serverName = "localhost"
        _ = try await client(configuration).discovery.serverVersion()
        configuration.tls.serverName = "other.example"
        let misnamed = try client(configuration)
        let refused = await failure { () async throws(KubernetesError) in
            try await misnamed.discovery.serverVersion()
        }
        guard case .transport(.tls, _) = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
    }

    @Test("an informer follows a real server through pages, changes and deletions", .timeLimit(.minutes(2)))
    func informer() async throws {
        let maps = try await maps(try await .shared)
        for index in 0..<25 { try await maps.create(map("m\(index)", labels: ["app": "a"])) }
        try await maps.create(map("other"))
        var options = Informer<ConfigMap>.Options(selection: .init(labels: "app=a"))
        options.pageSize = 10
        let (events, telling) = AsyncStream.makeStream(of: String.self)
        let informer = Informer(
            maps, options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { event in
            switch event {
            case .updated(_, let map): telling.yield("=\(map.key.name)")
            case .deleted(let map, _): telling.yield("-\(map.key.name)")
            case .added(let map): telling.yield("+\(map.key.name)")
            case .synced: telling.yield("synced")
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            await informer.waitUntilSynced()
            #expect(informer.objects.count == 25)
            var iterator = events.makeAsyncIterator()
            while let event = await iterator.next(), event != "synced" {}
            try await maps.merge("m3", ["data": ["k": "v"]])
            #expect(await iterator.next() == "=m3")
            // An object that is not selected any more goes.
            try await maps.merge("m4", ["metadata": ["labels": ["app": nil]]])
            #expect(await iterator.next() == "-m4")
            try await maps.delete("m5")
            #expect(await iterator.next() == "-m5")
            try await maps.create(map("new", labels: ["app": "a"]))
            #expect(await iterator.next() == "+new")
            #expect(informer.objects.count == 24)
            #expect(informer[ObjectKey(namespace: maps.namespace, name: "m3")]?.data == ["k": "v"])
        }
    }

    @Test("the fake server refuses as the real one does", .timeLimit(.minutes(2)))
    func fake() async throws {
        func refusals(_ maps: Resources<ConfigMap>) async throws -> [String] {
            var refusals: [KubernetesError?] = []
            let created = try await maps.create(map("a"))
            _ = try await maps.merge("a", ["data": ["k": "v"]])
            refusals.append(await failure { () async throws(KubernetesError) in try await maps.get("none") })
            refusals.append(await failure { () async throws(KubernetesError) in try await maps.create(map("a")) })
            refusals.append(await failure { () async throws(KubernetesError) in try await maps.update(created) })
            refusals.append(
                await failure { () async throws(KubernetesError) in
                    try await maps.merge("a", ["metadata": ["resourceVersion": "1"]])
                })
            refusals.append(
                await failure { () async throws(KubernetesError) in try await maps.delete("a", .init(uid: "x")) })
            refusals.append(await failure { () async throws(KubernetesError) in try await maps.delete("none") })
            refusals.append(
                await failure { () async throws(KubernetesError) in try await maps.create(ConfigMap()) })
            refusals.append(await failure { () async throws(KubernetesError) in try await maps.merge("none", [:]) })
            return refusals.map { "\($0?.status?.code ?? 0) \($0.map { "\($0.status?.reason ?? .other(""))" } ?? "")" }
        }
        let real = try await refusals(try await maps(try await .shared))
        let server = try await FakeKubernetesAPIServer()
        let fake = try client(ClusterConfiguration(server: server.url, proxy: .none))
        #expect(try await refusals(fake.resources(ConfigMap.self, in: "n")) == real)
    }
}
