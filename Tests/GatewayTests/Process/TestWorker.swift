import Foundation
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
    /// Where payloads are that did not fit into messages.
    private let payloads: URL?

    init(url: String, pool: String, payloads: URL? = nil) async throws {
        self.pool = pool
        self.payloads = payloads
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
            outcome: .success(result(for: item)), workerID: "test")
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

    private func result(for item: WorkItem) -> [UInt8] {
        switch item.operation {
        case "score": Self.scores(for: item, stored: stored(item.queryPayloadRef))
        case "extract": Self.entities(for: item)
        default: Self.vector(for: item, stored: stored(item.payloadRef))
        }
    }

    private func stored(_ key: String?) -> [UInt8]? {
        guard let key, let payloads else { return nil }
        return (try? Data(contentsOf: payloads.appending(path: key))).map { Array($0) }
    }

    /// Scores each candidate by the length of its text, best first.
    private static func scores(for item: WorkItem, stored: [UInt8]?) -> [UInt8] {
        let stored = stored.flatMap { try? MessagePackReader.decode($0) }
        let candidates = stored?["items"] ?? item.scoreItems.flatMap { try? MessagePackReader.decode($0) }
        guard case .array(let items)? = candidates else { return MessagePackWriter.encode(.array([])) }
        let ranked = items.enumerated().sorted {
            ($0.element["text"]?.stringValue?.utf8.count ?? 0) > ($1.element["text"]?.stringValue?.utf8.count ?? 0)
        }
        return MessagePackWriter.encode(
            .array(
                ranked.enumerated().map { rank, entry in
                    [
                        "item_id": entry.element["id"] ?? .string("item-\(entry.offset)"),
                        "score": .double(Double(entry.element["text"]?.stringValue?.utf8.count ?? 0)),
                        "rank": .int(Int64(rank)),
                    ]
                }))
    }

    /// Finds each label it was asked for.
    private static func entities(for item: WorkItem) -> [UInt8] {
        let found = (item.labels ?? []).map { label -> MessagePackValue in
            ["text": .string(label), "label": .string(label), "score": 1.0]
        }
        return MessagePackWriter.encode([
            "entities": .array(found), "classifications": .array([]), "relations": .array([]),
            "objects": .array([]), "data": .map([]),
        ])
    }

    private static func vector(for item: WorkItem, stored: [UInt8]?) -> [UInt8] {
        let decoded = (item.item ?? stored).flatMap { try? MessagePackReader.decode($0) }
        let length = Float(decoded?["text"]?.stringValue?.utf8.count ?? 0)
        var writer = MessagePackWriter()
        var scratch: [UInt8] = []
        ([length, 0.5] as [Float]).withUnsafeBufferPointer {
            EncodeOutput.writeDense($0, dtype: .float32, itemID: decoded?["id"], scratch: &scratch, to: &writer)
        }
        return writer.bytes
    }
}
