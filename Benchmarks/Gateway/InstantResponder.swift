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

    /// - Parameter dimensions: float32 numbers in each answer.
    init(url: String, pool: String, dimensions: Int, eventLoop: any EventLoop) async throws {
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
        self.connection = connection
    }

    func stop() async {
        consumer.stop()
        await connection.drain()
    }

    /// What an answer needs of a work item, found without decoding the rest: the responder shares the
    /// processor with what is measured.
    private struct Item {
        var requestID: [UInt8] = []
        var index: UInt16 = 0
        var replySubject = ""

        init?(_ bytes: UnsafeRawBufferPointer) {
            var reader = MessagePackReader(bytes)
            guard let count = try? reader.readMapHeader() else { return nil }
            for _ in 0..<count {
                guard let key = try? reader.readStringBytes() else { return nil }
                if key.matches("request_id") {
                    guard let id = try? reader.readStringBytes() else { return nil }
                    requestID = Array(id)
                } else if key.matches("item_index") {
                    index = (try? reader.readUInt()).flatMap { UInt16(exactly: $0) } ?? 0
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
