import Logging
import MessagePack
import NATSClient
import NIOCore
import NIOPosix
import Synchronization
import Wire

/// A worker as the gateway sees one: it pulls work items of one pool and answers each as told.
final class TestWorker: Sendable {
    enum Behaviour: Sendable {
        /// A dense vector whose first number is the length of the item's text, and the item's id.
        case echo
        case fail(code: String?, message: String)
        /// Items of an odd index fail.
        case failOdd
        /// Takes the work and says nothing.
        case silent
        /// A result that is no MessagePack.
        case garbage
        /// Everything is answered twice.
        case twice
    }

    let pool: String
    let connection: NATSConnection
    private let behaviour = Mutex(Behaviour.echo)
    private let seen = Mutex<[WorkItem]>([])
    private let consumer = Mutex<PullConsumer?>(nil)

    init(url: String, pool: String) async throws {
        self.pool = pool
        connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [url]), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() })
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        try await listen()
    }

    /// Makes the stream and the consumer, as a worker does at start and after the broker lost them, and pulls.
    func listen() async throws {
        var stream = StreamConfiguration(
            name: Subjects.workStream(pool: pool), subjects: [Subjects.workFilter(pool: pool)])
        stream.retention = .workQueue
        stream.storage = .memory
        stream.discard = .new
        stream.maxMessages = 100_000
        stream.maxAge = .seconds(120)
        try await connection.jetStream.ensureStream(stream)
        var durable = ConsumerConfiguration(
            durableName: "default_\(pool)", filterSubject: Subjects.workFilter(pool: pool))
        durable.ackWait = .seconds(30)
        durable.maxAckPending = 1000
        try await connection.jetStream.createConsumer(stream: stream.name, durable)
        let pulls = try await connection.jetStream.pull(stream: stream.name, consumer: "default_\(pool)") {
            [weak self] in self?.answer($0)
        }
        consumer.withLock { $0 = pulls }
    }

    func behave(_ new: Behaviour) { behaviour.withLock { $0 = new } }

    /// The work items that came, in order.
    var items: [WorkItem] { seen.withLock { $0 } }

    private func answer(_ message: JetStreamMessage) {
        guard let item = message.payload.withUnsafeReadableBytes({ try? WorkItem(decoding: $0) }) else { return }
        seen.withLock { $0.append(item) }
        let behaviour = behaviour.withLock { $0 }
        try? message.ack()
        var result = WorkResult(
            workItemID: item.workItemID, requestID: item.requestID, itemIndex: item.itemIndex,
            outcome: .success(Self.vector(for: item)), workerID: "test")
        result.timings.inference = 1.25
        result.timings.queue = 0.5
        switch behaviour {
        case .silent: return
        case .echo, .twice: break
        case .fail(let code, let message): result.outcome = .failure(message: message, code: code)
        case .failOdd:
            if item.itemIndex % 2 == 1 { result.outcome = .failure(message: "odd", code: "inference_error") }
        case .garbage: result.outcome = .success([0xC1])
        }
        var writer = MessagePackWriter()
        result.write(to: &writer)
        let payload = ByteBuffer(bytes: writer.bytes)
        guard let reply = item.replySubject else { return }
        try? connection.publish(reply, payload: payload)
        if case .twice = behaviour { try? connection.publish(reply, payload: payload) }
    }

    private static func vector(for item: WorkItem) -> [UInt8] {
        let decoded = item.item.flatMap { try? MessagePackReader.decode($0) }
        let length = Float(decoded?["text"]?.stringValue?.utf8.count ?? 0)
        var writer = MessagePackWriter()
        var scratch: [UInt8] = []
        ([length, 0.5] as [Float]).withUnsafeBufferPointer {
            EncodeOutput.writeDense($0, dtype: .float32, itemID: decoded?["id"], scratch: &scratch, to: &writer)
        }
        return writer.bytes
    }
}
