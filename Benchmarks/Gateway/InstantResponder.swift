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
        let result = Self.result(dimensions: dimensions)
        consumer = try await jetStream.pull(
            stream: stream.name, consumer: Subjects.workConsumer(bundle: "default", pool: pool),
            configuration: PullConfiguration(batch: 256)
        ) { [weak connection] message in
            guard let connection,
                let item = message.payload.withUnsafeReadableBytes({ try? WorkItem(decoding: $0) }),
                let reply = item.replySubject
            else { return }
            var writer = MessagePackWriter(capacity: result.count + 512)
            WorkResult(
                workItemID: item.workItemID, requestID: item.requestID, itemIndex: item.itemIndex,
                outcome: .success(result), workerID: "instant"
            ).write(to: &writer)
            try? connection.publish(reply, sizeHint: writer.count) { $0.writeBytes(writer.bytes) }
            try? message.ack()
        }
        self.connection = connection
    }

    func stop() async {
        consumer.stop()
        await connection.drain()
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
