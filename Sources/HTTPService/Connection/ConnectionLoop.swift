import NIOCore

/// What the connections of one event loop share.
///
/// Answers are written when they are ready and sent when the loop has gone through all that has arrived: the clients
/// of a busy server wake up once for several answers, and a connection sends pipelined ones together.
///
/// `@unchecked Sendable`: made before there are connections, and touched on its event loop alone from then on.
final class ConnectionLoop: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private var unsent: [HTTPConnectionHandler] = []
    /// Those of the turn that ends; empty but for that moment, and kept for its memory.
    private var sending: [HTTPConnectionHandler] = []
    private var date = HTTPDateCache()
    /// Memory of answers that were sent.
    private var spare: [ByteBuffer] = []

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The `date` field's line.
    var dateLine: ByteBuffer { date.line() }

    /// No more answers than this are sent in most turns, and most are shorter.
    private static let spareCount = 64
    private static let spareBytes = 16 << 10

    /// Memory for an answer.
    func takeBuffer(capacity: Int) -> ByteBuffer {
        guard capacity <= Self.spareBytes, var buffer = spare.popLast() else {
            return ByteBufferAllocator().buffer(capacity: capacity)
        }
        buffer.reserveCapacity(capacity)
        return buffer
    }

    /// Gives back the memory of an answer that was sent; nobody else may hold it, or it would be copied.
    func reuse(_ buffer: inout ByteBuffer) {
        guard spare.count < Self.spareCount, buffer.capacity <= Self.spareBytes else { return }
        buffer.clear()
        spare.append(buffer)
    }

    /// Lets a connection send its answers before the loop waits again.
    func sendSoon(_ connection: HTTPConnectionHandler) {
        unsent.append(connection)
        guard unsent.count == 1 else { return }
        eventLoop.execute {
            swap(&self.unsent, &self.sending)
            for connection in self.sending { connection.sendUnsent() }
            self.sending.removeAll(keepingCapacity: true)
        }
    }
}
