import Gateway
import HTTPService
import Logging
import NATSClient
import NIOCore
import NIOPosix
import ServiceLifecycle
import TestSupport
import Testing
import Wire

@Suite("Following the workers", .timeLimit(.minutes(1)))
struct FleetMonitorTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a monitor for the length of `body`, which gets it and the lanes it publishes.
    static func with(
        _ source: FleetMonitor.Source, _ change: (inout FleetMonitor.Timing) -> Void = { _ in },
        body: @Sendable (FleetMonitor, AsyncStream<LaneTable>) async throws -> Void
    ) async throws {
        var timing = FleetMonitor.Timing()
        timing.reconnectDelay = .milliseconds(20)
        timing.firstConnectDelay = .milliseconds(20)
        timing.sweepInterval = .milliseconds(20)
        change(&timing)
        let (lanes, publish) = AsyncStream.makeStream(of: LaneTable.self)
        let monitor = FleetMonitor(
            source: source, timing: timing, group: MultiThreadedEventLoopGroup.singleton, logger: logger,
            publish: { publish.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await monitor.run() }
            try await body(monitor, lanes)
            tasks.cancelAll()
        }
    }

    static func next<Element: Sendable>(_ stream: AsyncStream<Element>) async throws -> Element {
        for await element in stream { return element }
        throw CancellationError()
    }

    @Test("a worker is unknown until it reports, serves while it is ready, and drains when it is not")
    func readiness() async throws {
        try await StatusServer.with { worker in
            try await Self.with(.webSocket(urls: [worker.url])) { monitor, lanes in
                try await Self.next(worker.connections)
                #expect(monitor.snapshot.workers.map(\.state) == [.unknown])
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
                #expect(monitor.snapshot.workers.map(\.name) == ["worker-l4-0"])
                worker.send(WorkerRegistryTests.status(ready: false))
                #expect(try await Self.next(lanes).isEmpty)
                #expect(monitor.snapshot.workers.map(\.state) == [.draining])
            }
        }
    }

    @Test("an unreadable status is passed over, and the connection goes on")
    func unreadable() async throws {
        try await StatusServer.with { worker in
            try await Self.with(.webSocket(urls: [worker.url + "/"])) { monitor, lanes in
                try await Self.next(worker.connections)
                worker.send(.text(#"{"ready":"yes"}"#))
                worker.send(.binary(ByteBuffer(bytes: [0xC1, 0x00])))
                worker.send(.binary(ByteBuffer(string: #"{"ready":true,"pool_name":"json"}"#)))
                #expect(try await Self.next(lanes).isServed(pool: "json"))
                #expect(monitor.snapshot.cluster.workerCount == 1)
            }
        }
    }

    @Test("a worker that hangs up takes no work, and serves again once it is reached again")
    func reconnect() async throws {
        try await StatusServer.with { worker in
            try await Self.with(.webSocket(urls: [worker.url])) { monitor, lanes in
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
                worker.hangUp()
                #expect(try await Self.next(lanes).isEmpty)
                #expect(monitor.snapshot.workers.map(\.state) == [.unhealthy])
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
            }
        }
    }

    @Test("a worker that is connected and silent takes no work after the heartbeat time")
    func silence() async throws {
        try await StatusServer.with { worker in
            try await Self.with(.webSocket(urls: [worker.url]), { $0.heartbeatTimeout = .milliseconds(100) }) {
                monitor, lanes in
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
                #expect(try await Self.next(lanes).isEmpty)
                #expect(monitor.snapshot.workers.map(\.state) == [.unhealthy])
            }
        }
    }

    @Test("numbers that move do not make new lanes, but a new picture")
    func figures() async throws {
        try await StatusServer.with { worker in
            try await Self.with(.webSocket(urls: [worker.url])) { monitor, lanes in
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                _ = try await Self.next(lanes)
                worker.send(WorkerRegistryTests.status { $0.queueDepth = 9 })
                worker.send(WorkerRegistryTests.status { $0.poolName = "other" })
                #expect(try await Self.next(lanes).isServed(pool: "other"), "no lanes in between")
                worker.send(
                    WorkerRegistryTests.status {
                        $0.poolName = "other"
                        $0.queueDepth = 7
                    })
                worker.send(
                    WorkerRegistryTests.status {
                        $0.poolName = "other"
                        $0.loadedModels = ["m"]
                    })
                _ = try await Self.next(lanes)
                #expect(monitor.snapshot.models.map(\.name) == ["m"])
            }
        }
    }

    @Test(
        "the key of a worker that announces itself",
        arguments: [
            ("http://a:1", "x", "http://a:1"), ("https://a", "b.c", "https://a"),
            ("n", "10.0.0.7:80", "http://10.0.0.7:80"),
            ("n", "pod.svc", "http://pod.svc"), ("n", "pod", "http://n"), ("", "pod", nil),
        ] as [(String, String, String?)])
    func announcedKeys(name: String, subjectRest: String, expected: String?) {
        #expect(FleetMonitor.url(ofWorker: name, subjectRest: subjectRest) == expected)
    }

    @Test("workers that announce themselves over NATS are followed, also after the server was away, and then forgotten")
    func announcements() async throws {
        let server = try await NATSServerProcess()
        let monitored = NATSConnection(
            configuration: try NATSConfiguration(servers: [server.url]), logger: Self.logger)
        try await monitored.start()
        try await monitored.waitUntilConnected(timeout: .seconds(10))
        let speaker = NATSConnection(configuration: try NATSConfiguration(servers: [server.url]), logger: Self.logger)
        try await speaker.start()
        try await speaker.waitUntilConnected(timeout: .seconds(10))
        @Sendable func announce() throws {
            try speaker.publish(
                "sie.health.worker-7", payload: ByteBuffer(bytes: WorkerRegistryTests.status().encodedJSON()))
        }
        try await Self.with(
            .nats(monitored),
            {
                $0.heartbeatTimeout = .milliseconds(300)
                $0.forgetAfter = .milliseconds(600)
            }
        ) { monitor, lanes in
            // The subscription is made in the background; a report that comes too early is lost, as any is.
            let reports = Task {
                while !Task.isCancelled {
                    try? announce()
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            #expect(try await Self.next(lanes).isServed(pool: "l4"))
            #expect(monitor.snapshot.workers.map(\.url) == ["http://worker-l4-0"])
            server.kill()
            #expect(try await Self.next(lanes).isEmpty)
            try await server.start()
            #expect(try await Self.next(lanes).isServed(pool: "l4"))
            reports.cancel()
            _ = await reports.result
            #expect(try await Self.next(lanes).isEmpty)
            while !monitor.snapshot.workers.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        }
        await speaker.close()
        await monitored.close()
    }

    @Test("a discovered worker is followed until its address is gone, and nothing of it comes later")
    func discovered() async throws {
        try await StatusServer.with { worker in
            let (urls, found) = AsyncStream.makeStream(of: Set<String>.self)
            try await Self.with(.webSocket(urls: [], discovered: urls)) { monitor, lanes in
                found.yield([worker.url])
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
                #expect(monitor.snapshot.workers.map(\.url) == [worker.url])
                found.yield([])
                #expect(try await Self.next(lanes).isEmpty)
                #expect(monitor.snapshot.workers.isEmpty)
                worker.send(WorkerRegistryTests.status())
                found.yield([worker.url])
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
            }
        }
    }

    @Test("a worker that is named by hand stays when discovery does not find it")
    func fixed() async throws {
        try await StatusServer.with { worker in
            let (urls, found) = AsyncStream.makeStream(of: Set<String>.self)
            try await Self.with(.webSocket(urls: [worker.url], discovered: urls)) { monitor, lanes in
                found.yield([worker.url, "http://127.0.0.1:1"])
                found.yield([])
                try await Self.next(worker.connections)
                worker.send(WorkerRegistryTests.status())
                #expect(try await Self.next(lanes).isServed(pool: "l4"))
                #expect(monitor.snapshot.workers.contains { $0.url == worker.url && $0.isHealthy })
            }
        }
    }
}
