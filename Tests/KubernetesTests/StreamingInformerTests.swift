import CurlClient
import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite("Informer that streams its list")
struct StreamingInformerTests {
    private func names(_ informer: Informer<ConfigMap>) -> [String] { informer.objects.keys.map(\.name).sorted() }

    private func informer(
        _ server: FakeKubernetesAPIServer, _ selection: Selection = .init()
    ) throws -> Informer<ConfigMap> {
        var options = KubernetesClient.Options()
        options.requestsPerSecond = 0
        options.retries.retries = 0
        let client = KubernetesClient(
            ClusterConfiguration(server: server.url, proxy: .none), curl: try CurlClient(), options: options)
        var informing = Informer<ConfigMap>.Options(selection: selection)
        informing.streamsInitialList = true
        informing.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
        return Informer(
            client.resources(ConfigMap.self, in: "n"), options: informing, logger: ClusterNamespace.logger)
    }

    private func put(_ server: FakeKubernetesAPIServer, _ name: String, app: String = "a") {
        server.put(
            ["metadata": ["name": .string(name), "labels": ["app": .string(app)]]], in: "/api/v1/configmaps",
            namespace: "n")
    }

    @Test("where the server can do so, one watch tells what is there and what changes", .timeLimit(.minutes(1)))
    func streams() async throws {
        let server = try await FakeKubernetesAPIServer()
        server.streamLists()
        for index in 0..<20 { put(server, "m\(index)", app: index < 12 ? "a" : "b") }
        let informer = try informer(server, .init(labels: "app=a"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            await informer.waitUntilSynced()
            #expect(informer.objects.count == 12)
            put(server, "new")
            try await eventually("the change") { informer.objects.count == 13 }
            #expect(server.requests.count == 1)
            // Forgotten: everything is told by a watch again, and what went unseen is gone.
            server.stall(true)
            server.remove("m0", in: "/api/v1/configmaps", namespace: "n")
            server.stall(false)
            server.compact()
            server.endWatches(.expired)
            try await eventually("the deletion") { informer.objects.count == 12 }
            #expect(server.requests.count == 2)
            #expect(server.requests.allSatisfy { $0.query["resourceVersionMatch"] == "NotOlderThan" })
        }
    }

    @Test(
        "a stream that breaks before everything is told begins anew, and nothing counts before",
        .timeLimit(.minutes(1)))
    func cut() async throws {
        let server = try await FakeKubernetesAPIServer()
        server.streamLists()
        put(server, "a")
        for _ in 0..<3 { server.fail(.close) }
        let informer = try informer(server)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            await informer.waitUntilSynced()
            #expect(names(informer) == ["a"])
            #expect(server.requests.count == 4)
        }
    }

    @Test(
        "where the server refuses, the informer lists, and never asks again", .timeLimit(.minutes(1)),
        arguments: [400, 422])
    func refused(code: Int) async throws {
        let server = try await FakeKubernetesAPIServer()
        put(server, "a")
        if code == 400 { server.fail(.status(400, reason: "BadRequest")) }
        let informer = try informer(server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            await informer.waitUntilSynced()
            try await eventually("a watch") { server.watchCount == 1 }
            server.compact()
            server.endWatches(.expired)
            put(server, "b")
            try await eventually("the change") { names(informer) == ["a", "b"] }
            #expect(server.requests.filter { $0.query["sendInitialEvents"] != nil }.count == 1)
            #expect(server.requests.filter(\.isList).count >= 2)
        }
    }

    @Test(
        "a real server streams or refuses, and the informer has everything either way", .timeLimit(.minutes(2)),
        .enabled(if: KubernetesAPIServer.isInstalled))
    func real() async throws {
        let namespace = try await ClusterNamespace()
        let requests = NIOLockedValueBox<[RequestReport]>([])
        let client = try namespace.client { report in requests.withLockedValue { $0.append(report) } }
        let maps = client.resources(ConfigMap.self, in: namespace.name)
        for index in 0..<10 { try await maps.create(ConfigMap(metadata: ObjectMeta(name: "m\(index)"))) }
        var options = Informer<ConfigMap>.Options()
        options.streamsInitialList = true
        let informer = Informer(maps, options: options, logger: ClusterNamespace.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            await informer.waitUntilSynced()
            #expect(names(informer).filter { $0.utf8.first == UInt8(ascii: "m") }.count == 10)
            try await maps.delete("m3")
            try await eventually("the deletion") { !names(informer).contains("m3") }
        }
        let hasListed = requests.withLockedValue { $0.contains { $0.verb == "list" } }
        let version = try await client.discovery.serverVersion()
        print("API server \(version.gitVersion): the list \(hasListed ? "was refused as a watch" : "came by a watch")")
        #expect(hasListed != version.isAtLeast(1, 32))
    }
}
