import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Sending. An answer that is one buffer, with nothing else under way, is kept until the end of the turn and then given to
/// the socket in one call: a channel's queue of writes, its promises and its events cost more than the rest of an answer's
/// way. What the socket does not take, and all else, goes through the channel, which also reports what fails.
///
/// All functions run on the event loop.
extension HTTPConnectionHandler {
    /// Keeps an answer for ``sendUnsent()``.
    ///
    /// - Returns: False where it has to go through the channel, behind what is there already.
    func keep(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        guard socket != nil, unsent == nil else { return false }
        if usesChannel {
            guard pendingBytes(context) == 0 else { return false }
            usesChannel = false
        }
        unsent = bytes
        return true
    }

    /// Writes to the channel, behind what was kept.
    func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        usesChannel = true
        if let unsent {
            self.unsent = nil
            context.write(wrapOutboundOut(unsent), promise: nil)
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// Sends what was kept or written.
    func sendUnsent() {
        guard let context else { return }
        if var bytes = unsent, let socket {
            unsent = nil
            bytes.moveReaderIndex(forwardBy: Self.send(bytes, to: socket))
            guard bytes.readableBytes > 0 else { return loop.reuse(&bytes) }
            write(bytes, promise: nil, context)
        }
        context.flush()
    }

    /// - Returns: how many bytes the socket took; none where it failed, which the channel will see too.
    private static func send(_ bytes: ByteBuffer, to socket: NIOBSDSocket.Handle) -> Int {
        #if os(Linux)
            let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        #else
            // There the channel sees to it that no signal is sent.
            let flags = Int32(MSG_DONTWAIT)
        #endif
        return bytes.withUnsafeReadableBytes { max(0, sendBytes(socket, $0.baseAddress, $0.count, flags)) }
    }
}

/// The system's function: in the handler its name is that of answering.
private func sendBytes(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    send(socket, bytes, count, flags)
}
