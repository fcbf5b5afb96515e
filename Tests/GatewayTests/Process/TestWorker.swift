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
        /// This, as the result of whatever was asked.
        case answer([UInt8])
        /// Everything is answered twice.
        case twice
        /// Before the truth, everything that is none: results of nobody's request, of items that there are not, under
        /// other subjects, of other shapes, and no results at all.
        case lie
    }

    let pool: String
    let connection: NATSConnection
    private let behaviour = Mutex(Behaviour.echo)
    private let seen = Mutex<[WorkItem]>([])
    private let consumer = Mutex<PullConsumer?>(nil)
    /// The batches that came, in order, and what pulls them; see `takeBatches`.
    let seenBatches = Mutex<[WorkItemBatch]>([])
    /// The items of each coalesced message that came, in order.
    let seenCoalesced = Mutex<[[WorkItem]]>([])
    let batchConsumer = Mutex<PullConsumer?>(nil)
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

    /// Takes no more work; the durable consumer stays.
    func stopPulling() { consumer.withLock { $0.take() }?.stop() }

    func behave(_ new: Behaviour) { behaviour.withLock { $0 = new } }

    /// How it answers now. What comes is answered as was told before anybody could see that it came.
    var currentBehaviour: Behaviour { behaviour.withLock { $0 } }

    /// The work items that came, in order.
    var items: [WorkItem] { seen.withLock { $0 } }

    private func answer(_ message: JetStreamMessage) {
        guard let item = message.payload.withUnsafeReadableBytes({ try? WorkItem(decoding: $0) }) else { return }
        let behaviour = currentBehaviour
        seen.withLock { $0.append(item) }
        try? message.ack()
        answer(item, as: behaviour)
    }

    /// Answers a work item as told, again or for the first time.
    func answer(_ item: WorkItem, as behaviour: Behaviour? = nil) {
        let behaviour = behaviour ?? currentBehaviour
        if case .lie = behaviour { lie(about: item) }
        guard let result = workResult(for: item, as: behaviour), let reply = item.replySubject else { return }
        var writer = MessagePackWriter()
        result.write(to: &writer)
        send(writer.bytes, to: reply, as: behaviour)
    }

    /// Publishes an answer, twice where that was told.
    func send(_ bytes: [UInt8], to reply: String, as behaviour: Behaviour? = nil) {
        try? connection.publish(reply, payload: ByteBuffer(bytes: bytes))
        if case .twice = behaviour ?? currentBehaviour {
            try? connection.publish(reply, payload: ByteBuffer(bytes: bytes))
        }
    }

    /// What is answered to a work item; nil for nothing.
    func workResult(for item: WorkItem, as behaviour: Behaviour) -> WorkResult? {
        var result = WorkResult(
            workItemID: item.workItemID, requestID: item.requestID, itemIndex: item.itemIndex,
            outcome: .success(result(for: item)), workerID: "test")
        result.timings.inference = 1.25
        result.timings.queue = 0.5
        switch behaviour {
        case .silent: return nil
        case .echo, .twice, .lie: break
        case .fail(let code, let message): result.outcome = .failure(message: message, code: code)
        case .failOdd:
            if item.itemIndex % 2 == 1 { result.outcome = .failure(message: "odd", code: "inference_error") }
        case .garbage: result.outcome = .success([0xC1])
        case .answer(let bytes): result.outcome = .success(bytes)
        }
        return result
    }

    private func lie(about item: WorkItem) {
        guard let reply = item.replySubject else { return }
        func send(_ bytes: [UInt8], to subject: String) {
            try? connection.publish(subject, payload: .init(bytes: bytes))
        }
        func send(request: String, index: Int) {
            var writer = MessagePackWriter()
            WorkResult(
                workItemID: item.workItemID, requestID: request, itemIndex: index, outcome: .success([0x80]),
                workerID: "liar"
            ).write(to: &writer)
            send(writer.bytes, to: reply)
        }
        send(request: "00000000-0000-7000-8000-000000000000", index: item.itemIndex)
        send(request: "", index: item.itemIndex)
        for index in [item.totalItems, 4_000_000_000, Int.max] { send(request: item.requestID, index: index) }
        let shapes: [[UInt8]] = [
            [], [0xC1], [0x90], [0x80], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [UInt8](repeating: 0x91, count: 5000),
        ]
        for bytes in shapes {
            send(bytes, to: reply)
        }
        send(MessagePackWriter.encode(["request_id": .string(item.requestID), "item_index": -1]), to: reply)
        send(MessagePackWriter.encode(["request_id": 5, "item_index": "x", "success": 7]), to: reply)
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
