import JSONStream
import NIOCore

/// What the broker says when it gives a message up: it was delivered as often as its consumer allows and never
/// acknowledged (gateway contract 4.11).
package struct DeadLetterAdvisory: Equatable, Sendable {
    /// Where the broker announces them, of all streams and consumers.
    package static let subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"

    package var stream: String
    package var consumer: String
    package var sequence: UInt64
    package var deliveries: Int

    package init(stream: String, consumer: String, sequence: UInt64, deliveries: Int) {
        self.stream = stream
        self.consumer = consumer
        self.sequence = sequence
        self.deliveries = deliveries
    }

    /// Nil where the bytes are no advisory.
    package init?(_ payload: ByteBuffer) {
        guard let document = payload.withUnsafeReadableBytes({ try? JSONReader.decode($0) }),
            let stream = document["stream"]?.stringValue, !stream.isEmpty,
            let sequence = document["stream_seq"]?.intValue, sequence > 0
        else { return nil }
        self.init(
            stream: stream, consumer: document["consumer"]?.stringValue ?? "unknown", sequence: UInt64(sequence),
            deliveries: document["deliveries"]?.intValue ?? 0)
    }
}
