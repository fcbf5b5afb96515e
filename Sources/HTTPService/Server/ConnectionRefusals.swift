import Logging
import NIOCore
import Synchronization

/// Turns away connections that are too many, and tells of it without filling the log.
final class ConnectionRefusals: Sendable {
    private static let answer =
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"

    private let count = Atomic<Int>(0)

    /// Answers before anything was asked: there is no room to wait for a request. Call on the connection's event loop.
    func refuse(_ channel: any Channel, limit: Int, logger: Logger) {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        // The first, the second, the fourth, ...: a flood is told of a few dozen times at most.
        if number & (number - 1) == 0 {
            logger.warning(
                "connection refused: too many are open", metadata: ["limit": "\(limit)", "refused": "\(number)"])
        }
        let flushed = channel.eventLoop.makePromise(of: Void.self)
        flushed.futureResult.whenComplete { _ in channel.close(promise: nil) }
        // The connection is registered after its initializer; before that nothing can be written.
        channel.eventLoop.execute {
            channel.writeAndFlush(ByteBuffer(string: Self.answer), promise: flushed)
        }
    }
}
