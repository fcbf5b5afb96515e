import Gateway
import Logging
import NATSClient
import NIOCore
import NIOPosix
import Observability
import ServiceLifecycle
import TestSupport
import Testing
import Wire

@Suite("Forwarding dead letters", .timeLimit(.minutes(1)))
struct DeadLetterForwarderTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func connect(_ nats: NATSServerProcess) async throws -> NATSConnection {
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [nats.url]),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        return connection
    }

    /// A work stream whose consumer gives messages up after one delivery.
    static func makeStream(_ jetStream: JetStream, pool: String) async throws {
        try await jetStream.createStream(WorkStreamSettings.configuration(pool: pool))
        var durable = ConsumerConfiguration(
            durableName: "default_\(pool)", filterSubject: Subjects.workFilter(pool: pool))
        durable.maxDeliver = 1
        durable.ackWait = .milliseconds(100)
        try await jetStream.createConsumer(stream: Subjects.workStream(pool: pool), durable)
    }

    static func letters(_ jetStream: JetStream) async -> Int {
        await (try? jetStream.streamInfo(DeadLetterStream.name).state.messages).map { Int($0) } ?? 0
    }

    static func wait(
        _ limit: Duration, for condition: () async throws -> Bool
    ) async throws -> Bool {
        let start = ContinuousClock.now
        while try await !condition() {
            guard .now - start < limit else { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
        return true
    }

    static func publish(_ text: String, _ jetStream: JetStream) async throws {
        _ = try await jetStream.publish("sie.work.org__mini.p", payload: ByteBuffer(string: text))
    }

    /// Tries until a letter comes: the gateways listen from then on.
    static func waitUntilForwarded(_ jetStream: JetStream) async throws {
        let start = ContinuousClock.now
        repeat {
            try #require(.now - start < .seconds(20), "no dead letter came")
            try await publish("first", jetStream)
        } while try await !wait(.seconds(1), for: { await letters(jetStream) > 0 })
        try await jetStream.purgeStream(Subjects.workStream(pool: "p"))
    }

    @Test("of two gateways one stores each work item that was given up, and takes it off its queue")
    func once() async throws {
        let nats = try await NATSServerProcess()
        let worker = try await Self.connect(nats)
        let jetStream = worker.jetStream
        try await Self.makeStream(jetStream, pool: "p")
        let registry = MetricsRegistry()
        let metrics = DeadLetterMetrics(registry: registry)
        let gateways = [try await Self.connect(nats), try await Self.connect(nats)]
        let group = ServiceGroup(
            configuration: .init(
                services: gateways.map {
                    .init(
                        service: DeadLetterForwarder(
                            connection: $0, metrics: metrics, logger: Self.logger, retryDelay: .milliseconds(20)))
                }, logger: Self.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let pulls = try await jetStream.pull(stream: "WORK_POOL_p", consumer: "default_p") { _ in }
            try await Self.waitUntilForwarded(jetStream)
            let before = await Self.letters(jetStream)
            for index in 0..<20 { try await Self.publish("item \(index)", jetStream) }
            #expect(try await Self.wait(.seconds(20)) { await Self.letters(jetStream) >= before + 20 })
            let first = try await jetStream.message(stream: DeadLetterStream.name, sequence: 1)
            #expect(first.subject == "sie.dlq.org__mini")
            #expect(String(buffer: first.payload) == "first")
            #expect(first.headers["Sie-Model"] == "org/mini" && first.headers["Sie-Pool"] == "p")
            #expect(first.headers["Sie-Deliveries"] == "1")
            let isEmpty = try await Self.wait(.seconds(10)) {
                try await jetStream.streamInfo("WORK_POOL_p").state.messages == 0
            }
            #expect(isEmpty, "the work stream keeps what was given up")
            #expect(await Self.letters(jetStream) == before + 20)
            #expect(metrics.stored.with("WORK_POOL_p", "default_p").value == UInt64(before + 20))
            #expect(metrics.failures.with("WORK_POOL_p", "default_p").value == 0)
            withExtendedLifetime(pulls) {}
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        for connection in gateways + [worker] { await connection.close() }
    }
}
