import CurlClient
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite("Informer")
struct InformerTests {
    private static let path = "/api/v1/configmaps"

    /// An informer of ConfigMaps over a fake server, and what it tells.
    private final class Rig: Sendable {
        let server: FakeKubernetesAPIServer
        let restarts = NIOLockedValueBox<[InformerRestart]>([])
        private let client: KubernetesClient
        private let informer: NIOLockedValueBox<Informer<ConfigMap>?> = .init(nil)
        private let events: AsyncStream<String>
        private let telling: AsyncStream<String>.Continuation

        init() async throws {
            server = try await FakeKubernetesAPIServer()
            var options = KubernetesClient.Options()
            options.requestsPerSecond = 0
            options.retries.retries = 0
            client = KubernetesClient(
                ClusterConfiguration(server: server.url, proxy: .none), curl: try CurlClient(), options: options)
            (events, telling) = AsyncStream.makeStream()
        }

        /// Runs the informer around a test.
        func run(
            _ selection: Selection = Selection(), pageSize: Int = 500, longestSilence: Duration = .seconds(150),
            _ body: (Informer<ConfigMap>, inout AsyncStream<String>.Iterator) async throws -> Void
        ) async throws {
            var options = Informer<ConfigMap>.Options(selection: selection)
            options.pageSize = pageSize
            options.longestSilence = longestSilence
            options.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(5))
            options.onRestart = { [restarts] restart in restarts.withLockedValue { $0.append(restart) } }
            let informer = Informer(
                client.resources(ConfigMap.self, in: "n"), options: options,
                logger: Logger(label: "test") { _ in
                    SwiftLogNoOpLogHandler()
                }
            ) { [telling] event in
                let text =
                    switch event {
                    case .added(let map): "+\(map.metadata.name ?? "")"
                    case .updated(_, let map): "=\(map.metadata.name ?? "")"
                    case .deleted(let map, let isMissed): "\(isMissed ? "~" : "-")\(map.metadata.name ?? "")"
                    case .synced: "synced"
                    }
                telling.yield(text)
            }
            var iterator = events.makeAsyncIterator()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await informer.run() }
                defer { group.cancelAll() }
                try await body(informer, &iterator)
            }
        }

        func put(_ name: String, labels: [String: String] = [:]) {
            let labels = JSONValue.object(labels.map { JSONMember($0.key, .string($0.value)) })
            server.put(["metadata": ["name": .string(name), "labels": labels]], in: InformerTests.path, namespace: "n")
        }

        func remove(_ name: String) { server.remove(name, in: InformerTests.path, namespace: "n") }

        /// Returns when the informer watches.
        func watched() async { while server.watchCount == 0 { await Task.yield() } }
    }

    private func expect(
        _ events: inout AsyncStream<String>.Iterator, _ expected: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        for event in expected { #expect(await events.next() == event, sourceLocation: sourceLocation) }
    }

    @Test("what is there comes first, then every change as it happens", .timeLimit(.minutes(1)))
    func follows() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run { informer, events in
            #expect(!informer.isSynced || informer.objects.count == 1)
            await expect(&events, "+a", "synced")
            await informer.waitUntilSynced()
            #expect(informer.isSynced)
            await rig.watched()
            rig.put("b")
            rig.put("a")
            rig.server.repeatLastChange()
            rig.remove("b")
            await expect(&events, "+b", "=a", "-b")
            #expect(informer.objects.keys.map(\.name) == ["a"])
            #expect(informer[ObjectKey(namespace: "n", name: "a")] != nil)
            #expect(informer.failure == nil)
        }
    }

    @Test("the list comes in pages, and only what is selected", .timeLimit(.minutes(1)))
    func pages() async throws {
        let rig = try await Rig()
        for index in 0..<25 { rig.put("m\(index)", labels: ["app": index < 20 ? "a" : "b"]) }
        try await rig.run(.init(labels: "app=a"), pageSize: 7) { informer, events in
            await informer.waitUntilSynced()
            #expect(informer.objects.count == 20)
            #expect(rig.server.requests.filter(\.isList).count == 3)
            #expect(rig.server.requests.first?.query["resourceVersion"] == "0")
            await rig.watched()
            rig.put("other", labels: ["app": "b"])
            rig.put("mine", labels: ["app": "a"])
            while let event = await events.next(), event != "+mine" { #expect(event != "+other") }
        }
    }

    @Test(
        "a watch goes on where it stopped, however it ended, and nothing is told twice or lost",
        .timeLimit(.minutes(1)),
        arguments: [FakeKubernetesAPIServer.End.clean, .cut, .withinEvent, .error])
    func resumes(end: FakeKubernetesAPIServer.End) async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run { informer, events in
            await expect(&events, "+a", "synced")
            for round in 0..<5 {
                await rig.watched()
                rig.put("b\(round)")
                await expect(&events, "+b\(round)")
                rig.server.endWatches(end)
                rig.put("c\(round)")
                await expect(&events, "+c\(round)")
            }
            #expect(rig.server.requests.filter(\.isList).count == 1)
            #expect(informer.objects.count == 11)
        }
        #expect(rig.restarts.withLockedValue { $0.isEmpty } == (end == .clean))
    }

    @Test(
        "a forgotten version lists anew, and what went unseen is told as missed", .timeLimit(.minutes(1)),
        arguments: [true, false])
    func tombstones(isHTTPStatus: Bool) async throws {
        let rig = try await Rig()
        rig.put("a")
        rig.put("gone")
        try await rig.run { informer, events in
            await expect(&events, "+a", "+gone", "synced")
            await rig.watched()
            rig.put("b")
            await expect(&events, "+b")
            rig.server.stall(true)
            rig.remove("gone")
            rig.put("a")
            rig.put("c")
            rig.server.compact()
            rig.server.stall(false)
            rig.server.endWatches(isHTTPStatus ? .clean : .expired)
            var told: Set<String> = []
            while told.count < 3, let event = await events.next() { told.insert(event) }
            #expect(told == ["=a", "+c", "~gone"])
            #expect(Set(informer.objects.keys.map(\.name)) == ["a", "b", "c"])
            await rig.watched()
            rig.put("d")
            await expect(&events, "+d")
        }
        let lists = rig.server.requests.filter(\.isList)
        #expect(lists.map { $0.query["resourceVersion"] } == ["0", nil])
    }

    @Test("a bookmark moves the watch on, so that it survives a server that forgets", .timeLimit(.minutes(1)))
    func bookmarks() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run { informer, events in
            await expect(&events, "+a", "synced")
            await rig.watched()
            rig.server.put(["metadata": ["name": "x"]], in: Self.path, namespace: "elsewhere")
            rig.server.compact()
            rig.server.bookmark()
            // In good order: the bookmark is read before the end.
            rig.server.endWatches(.clean)
            rig.put("b")
            await expect(&events, "+b")
        }
        #expect(rig.server.requests.filter(\.isList).count == 1)
    }

    @Test("a page that is forgotten while it is asked for does not lose the list", .timeLimit(.minutes(1)))
    func expiredPage() async throws {
        let rig = try await Rig()
        for index in 0..<20 { rig.put("m\(index)") }
        rig.server.fail(.status(410, reason: "Expired"), where: { $0.query["continue"] != nil })
        try await rig.run(pageSize: 5) { informer, _ in
            await informer.waitUntilSynced()
            #expect(informer.objects.count == 20)
        }
    }

    @Test("a silent connection counts as dead", .timeLimit(.minutes(1)))
    func stall() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run(longestSilence: .seconds(1)) { informer, events in
            await expect(&events, "+a", "synced")
            await rig.watched()
            rig.server.stall(true)
            rig.put("b")
            rig.server.stall(false)
            await expect(&events, "+b")
        }
    }

    @Test("a server that refuses for a while is asked until it answers", .timeLimit(.minutes(1)))
    func outage() async throws {
        let rig = try await Rig()
        rig.put("a")
        for _ in 0..<3 { rig.server.fail(.status(503, reason: "ServiceUnavailable")) }
        rig.server.fail(.close)
        rig.server.fail(.garbage(status: 200))
        try await rig.run { informer, events in
            await expect(&events, "+a", "synced")
            await rig.watched()
            for _ in 0..<3 { rig.server.fail(.status(500, reason: "InternalError"), where: \.isWatch) }
            rig.server.endWatches(.cut)
            rig.put("b")
            await expect(&events, "+b")
            #expect(informer.failure == nil)
        }
        // A connection that closes before any answer is asked once more by libcurl itself.
        #expect(rig.restarts.withLockedValue { $0.map(\.step) }.filter { $0 == .list }.count >= 4)
    }

    @Test(
        "an object that becomes unreadable is told as missed, and comes back when it is put right",
        .timeLimit(.minutes(1)))
    func unreadable() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run { informer, events in
            await expect(&events, "+a", "synced")
            await rig.watched()
            rig.server.put(["metadata": ["name": "a"], "data": ["k": 1]], in: Self.path, namespace: "n")
            await expect(&events, "~a")
            rig.put("a")
            await expect(&events, "+a")
            #expect(rig.server.watchCount == 1)
        }
    }

    @Test("random faults and changes end with the truth", .timeLimit(.minutes(1)), arguments: [1, 2, 3] as [UInt64])
    func convergence(seed: UInt64) async throws {
        let rig = try await Rig()
        var generator = SeededGenerator(seed: seed)
        try await rig.run(pageSize: 3) { informer, events in
            await informer.waitUntilSynced()
            for _ in 0..<300 {
                let name = "m\(Int.random(in: 0..<12, using: &generator))"
                switch Int.random(in: 0..<12, using: &generator) {
                case 0: rig.server.endWatches(.clean)
                case 1: rig.server.endWatches(.cut)
                case 2: rig.server.endWatches(.withinEvent)
                case 3: rig.server.endWatches(.expired)
                case 4: rig.server.compact()
                case 5: rig.server.repeatLastChange()
                case 6: rig.server.fail(.status(500, reason: "InternalError"))
                case 7, 8: rig.remove(name)
                default: rig.put(name)
                }
                await Task.yield()
            }
            rig.put("last")
            // Told by the informer itself, so the test need not poll.
            while let event = await events.next(), event != "+last" {}
            func isTrue() -> Bool {
                (0..<12).allSatisfy { index in
                    let object = rig.server.object("m\(index)", in: Self.path, namespace: "n")
                    let known = informer[ObjectKey(namespace: "n", name: "m\(index)")]
                    return known?.metadata.resourceVersion == object?["metadata"]?["resourceVersion"]?.stringValue
                }
            }
            // Pages of a list are of different moments; what is not true yet will be told.
            while !isTrue(), await events.next() != nil {}
            #expect(isTrue())
        }
    }

    @Test("an informer ends with its task, whatever it is doing", .timeLimit(.minutes(1)))
    func cancellation() async throws {
        let rig = try await Rig()
        try await rig.run { informer, events in
            await expect(&events, "synced")
            await rig.watched()
        }
        let silent = try await Rig()
        silent.server.fail(.silence)
        try await silent.run { _, _ in
            while silent.server.requests.isEmpty { await Task.yield() }
        }
    }
}
