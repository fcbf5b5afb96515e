import NIOCore

/// What the connections of one event loop share.
///
/// Answers are written when they are ready and sent when the loop has gone through all that has arrived: the clients
/// of a busy server wake up once for several answers, and a connection sends pipelined ones together.
///
/// `@unchecked Sendable`: made before there are connections, and touched on its event loop alone from then on.
final class ConnectionLoop: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private var unsent: [any Channel] = []
    private var date = HTTPDateCache()

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The `date` field's line.
    var dateLine: ByteBuffer { date.line() }

    /// Sends what was written to `channel` before the loop waits again.
    func sendSoon(_ channel: any Channel) {
        unsent.append(channel)
        guard unsent.count == 1 else { return }
        eventLoop.execute {
            let channels = self.unsent
            self.unsent.removeAll(keepingCapacity: true)
            for channel in channels { channel.flush() }
        }
    }
}
