import NATSClient
import NIOCore
import Synchronization

/// Publishes work items that carry the time they were sent, and checks each acknowledgement.
final class Publisher: Sendable {
    private let jetStream: JetStream
    private let subject: String
    private let padding: ByteBuffer
    private let failureCount = Atomic<Int>(0)

    init(jetStream: JetStream, subject: String, payloadBytes: Int) {
        self.jetStream = jetStream
        self.subject = subject
        self.padding = ByteBuffer(repeating: 0x78, count: max(0, payloadBytes - 8))
    }

    var failures: Int { failureCount.load(ordering: .relaxed) }

    func publish() {
        do {
            try jetStream.publish(
                subject, sizeHint: padding.readableBytes + 8,
                write: { buffer in
                    buffer.writeInteger(RoundTripRecorder.now)
                    buffer.writeImmutableBuffer(padding)
                },
                onAck: { result in
                    if case .failure = result { self.failureCount.add(1, ordering: .relaxed) }
                })
        } catch {
            failureCount.add(1, ordering: .relaxed)
        }
    }
}

/// Why a measurement is worth nothing.
enum BenchmarkFailure: Error {
    case refusedPublishes(Int)
    case library(String)
}
