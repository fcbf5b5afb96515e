import Logging
import MessagePack
import NATSClient
import NIOCore
import Wire

/// A worker that answers at once: it takes work items from a pool's stream and replies with a prepared vector, so that
/// what is measured is the way there and back.
final class InstantResponder: Sendable {
    private let connection: NATSConnection
    private let consumer: PullConsumer
    private let batches: (consumer: PullConsumer, reporting: Task<Void, Never>)?

    /// - Parameters:
    ///   - dimensions: float32 numbers in each answer.
    ///   - takesBatches: whether it takes several items in one message too, and says so to the gateway over NATS.
    init(
        url: String, pool: String, dimensions: Int, takesBatches: Bool = false, eventLoop: any EventLoop
    ) async throws {
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [url]), eventLoop: eventLoop,
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        let jetStream = connection.jetStream
        var stream = StreamConfiguration(
            name: Subjects.workStream(pool: pool), subjects: [Subjects.workFilter(pool: pool)])
        stream.retention = .workQueue
        stream.storage = .memory
        stream.discard = .new
        stream.maxMessages = 100_000
        try await jetStream.createStream(stream)
        var durable = ConsumerConfiguration(
            durableName: Subjects.workConsumer(bundle: "default", pool: pool),
            filterSubject: Subjects.workFilter(pool: pool))
        durable.maxAckPending = 4096
        try await jetStream.createConsumer(stream: stream.name, durable)
        let (head, middle, rest) = Self.answer(dimensions: dimensions)
        consumer = try await jetStream.pull(
            stream: stream.name, consumer: Subjects.workConsumer(bundle: "default", pool: pool),
            configuration: PullConfiguration(batch: 256)
        ) { [weak connection] message in
            guard let connection, let item = message.payload.withUnsafeReadableBytes({ Item($0) }) else { return }
            try? connection.publish(item.replySubject, sizeHint: rest.readableBytes + 256) { buffer in
                buffer.writeImmutableBuffer(head)
                buffer.writeBytes(item.requestID)
                buffer.writeImmutableBuffer(middle)
                buffer.writeInteger(item.index)
                buffer.writeImmutableBuffer(rest)
            }
            try? message.ack()
        }
        batches =
            takesBatches
            ? (
                try await Self.answerBatches(on: connection, pool: pool, dimensions: dimensions),
                Self.report(on: connection, pool: pool)
            ) : nil
        self.connection = connection
    }

    private static func answerBatches(
        on connection: NATSConnection, pool: String, dimensions: Int
    ) async throws -> PullConsumer {
        var stream = StreamConfiguration(
            name: Subjects.batchStream(pool: pool), subjects: [Subjects.batchFilter(pool: pool)])
        stream.retention = .workQueue
        stream.storage = .memory
        try await connection.jetStream.createStream(stream)
        let durable = ConsumerConfiguration(
            durableName: Subjects.workConsumer(bundle: "default", pool: pool),
            filterSubject: Subjects.batchFilter(pool: pool))
        try await connection.jetStream.createConsumer(stream: stream.name, durable)
        let answer = WorkResult.Outcome.success(result(dimensions: dimensions))
        let rest = Self.coalescedRest(dimensions: dimensions)
        return try await connection.jetStream.pull(
            stream: stream.name, consumer: Subjects.workConsumer(bundle: "default", pool: pool)
        ) { [weak connection] message in
            guard let connection else { return }
            let items = message.payload.withUnsafeReadableBytes { bytes in
                CoalescedItems.isCoalesced(bytes)
                    ? (try? CoalescedItems.split(bytes))?.enumerated()
                        .compactMap { Item($1, withoutReply: $0 > 0) } : nil
            }
            if let items {
                try? Self.publish(answersTo: items, rest: rest, on: connection)
                try? message.ack()
                return
            }
            guard let (reply, results) = message.payload.withUnsafeReadableBytes({ Self.results(of: $0, answer) })
            else { return }
            for part in WorkResultBatch.messages(of: results, bytes: 256 << 10) {
                var writer = MessagePackWriter(capacity: 2048 * part.results.count)
                part.write(to: &writer)
                try? connection.publish(reply, sizeHint: writer.count) { $0.writeBytes(writer.bytes) }
            }
            try? message.ack()
        }
    }

    /// The answers to a message with several items of one request, and where they go.
    private static func results(
        of bytes: UnsafeRawBufferPointer, _ answer: WorkResult.Outcome
    ) -> (reply: String, results: [WorkResult])? {
        guard let batch = try? WorkItemBatch(decoding: bytes), let reply = batch.shared.replySubject else { return nil }
        let results = batch.entries.map { entry in
            WorkResult(
                workItemID: "", requestID: batch.shared.requestID, itemIndex: entry.index, outcome: answer,
                workerID: "instant")
        }
        return (reply, results)
    }

    /// Answers coalesced items with one message, as ``WorkResultBatch`` has it, of bytes that are prepared but for the
    /// requests' ids. All of the items are one gateway's: it takes what comes to any of its inboxes.
    private static func publish(answersTo items: [Item], rest: ByteBuffer, on connection: NATSConnection) throws {
        guard let first = items.first else { return }
        var head = MessagePackWriter(capacity: 16)
        head.writeArrayHeader(2)
        head.write("instant")
        head.writeArrayHeader(items.count)
        let entryBytes = rest.readableBytes + first.requestID.count + 6
        try connection.publish(first.replySubject, sizeHint: head.count + items.count * entryBytes) { buffer in
            buffer.writeBytes(head.bytes)
            for item in items {
                // An array of four, and a string of up to 255 bytes.
                buffer.writeMultipleIntegers(
                    0x94 as UInt8, 0xD9 as UInt8, UInt8(truncatingIfNeeded: item.requestID.count))
                buffer.writeBytes(item.requestID)
                buffer.writeMultipleIntegers(0xCD as UInt8, item.index)
                buffer.writeImmutableBuffer(rest)
            }
        }
    }

    /// What stands behind the index: the result, and no times.
    private static func coalescedRest(dimensions: Int) -> ByteBuffer {
        var writer = MessagePackWriter()
        writer.writeBinary(result(dimensions: dimensions))
        writer.writeArrayHeader(6)
        for _ in 0..<6 { writer.writeNil() }
        return ByteBuffer(bytes: writer.bytes)
    }

    /// Says every second that there is a worker that takes batches.
    private static func report(on connection: NATSConnection, pool: String) -> Task<Void, Never> {
        var status = WorkerStatus()
        status.ready = true
        status.name = "instant"
        status.poolName = pool
        status.bundle = "default"
        status.capabilities = [WorkerStatus.Capability.batchedItems]
        let report = ByteBuffer(bytes: status.encodedJSON())
        return Task {
            repeat {
                try? connection.publish("sie.health.instant", payload: report)
            } while (try? await Task.sleep(for: .seconds(1))) != nil
        }
    }

    func stop() async {
        batches?.reporting.cancel()
        await batches?.reporting.value
        batches?.consumer.stop()
        consumer.stop()
        await connection.drain()
    }

    /// What an answer needs of a work item, found without decoding the rest: the responder shares the
    /// processor with what is measured.
    private struct Item {
        var requestID: [UInt8] = []
        var index: UInt16 = 0
        var replySubject = ""

        /// - Parameter withoutReply: whether the reply subject, which stands at the end, is not asked for.
        init?(_ bytes: UnsafeRawBufferPointer, withoutReply: Bool = false) {
            var reader = MessagePackReader(bytes)
            guard let count = try? reader.readMapHeader() else { return nil }
            for _ in 0..<count {
                guard let key = try? reader.readStringBytes() else { return nil }
                if key.matches("request_id") {
                    guard let id = try? reader.readStringBytes() else { return nil }
                    requestID = Array(id)
                } else if key.matches("item_index") {
                    index = (try? reader.readUInt()).flatMap { UInt16(exactly: $0) } ?? 0
                    if withoutReply, !requestID.isEmpty { return }
                } else if key.matches("reply_subject") {
                    guard let subject = try? reader.readStringBytes() else { return nil }
                    replySubject = String(decoding: subject, as: UTF8.self)
                    return
                } else if (try? reader.skip()) == nil {
                    return nil
                }
            }
            return nil
        }
    }

    /// The bytes of every answer around its request id, which takes 36 bytes, and its item's index, which takes two.
    private static func answer(dimensions: Int) -> (head: ByteBuffer, middle: ByteBuffer, rest: ByteBuffer) {
        let id = String(repeating: "-", count: 36)
        var writer = MessagePackWriter()
        WorkResult(
            workItemID: "instant", requestID: id, itemIndex: 0xFFFF, outcome: .success(result(dimensions: dimensions)),
            workerID: "instant"
        ).write(to: &writer)
        let bytes = writer.bytes
        let start = bytes.firstIndex(of: UInt8(ascii: "-")) ?? 0
        let middle = start + id.utf8.count
        // The index stands behind the id, as 0xCD and two bytes.
        let index = bytes[middle...].indices.first { bytes[$0...].starts(with: [0xCD, 0xFF, 0xFF]) } ?? middle
        return (
            ByteBuffer(bytes: bytes[..<start]), ByteBuffer(bytes: bytes[middle...index]),
            ByteBuffer(bytes: bytes[(index + 3)...])
        )
    }

    private static func result(dimensions: Int) -> [UInt8] {
        var writer = MessagePackWriter()
        var scratch: [UInt8] = []
        let vector = (0..<dimensions).map { Float($0) / Float(dimensions) }
        vector.withUnsafeBufferPointer {
            EncodeOutput.writeDense($0, dtype: .float32, itemID: nil, scratch: &scratch, to: &writer)
        }
        return writer.bytes
    }
}
