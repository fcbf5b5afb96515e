import NIOCore
import NIOHTTP1

/// Answering. All functions run on the event loop.
extension HTTPConnectionHandler {
    func setDisconnectCallback(_ callback: @escaping @Sendable () -> Void, exchange id: UInt64) {
        guard id == state.exchangeID, open != nil, !state.isClosed else {
            callback()
            return
        }
        open?.onDisconnect = callback
        if state.inputIsClosed, let context {
            perform(.disconnected, context)
        }
    }

    /// A longer body is not worth a copy behind its head.
    private static let copiedBodyLimitBytes = 32 << 10

    /// Writes a whole answer, as one buffer unless it is long.
    func send(_ reply: HTTPReply, exchange id: UInt64) {
        let length = reply.body.readableBytes
        let isCopied = length <= Self.copiedBodyLimitBytes
        send(
            reply.status, length: length, copied: isCopied ? length : 0, exchange: id,
            fields: { $0.add(reply.headers, length: false) }
        ) { bytes, context in
            if isCopied {
                bytes.writeImmutableBuffer(reply.body)
            } else {
                write(bytes, promise: nil, context)
                bytes = reply.body
            }
        }
    }

    /// Writes a whole answer as one buffer, for those who have its body in pieces.
    func send(
        _ status: HTTPResponseStatus, body: [[UInt8]], exchange id: UInt64, fields: (inout HTTPFieldWriter) -> Void
    ) {
        let length = body.reduce(0) { $0 + $1.count }
        send(status, length: length, copied: length, exchange: id, fields: fields) { bytes, _ in
            for index in body.indices { _ = body[index].withUnsafeBytes { bytes.writeBytes($0) } }
        }
    }

    /// - Parameters:
    ///   - length: of the body.
    ///   - copied: how much of it `write` puts behind the head.
    ///   - write: called with the head, unless the answer has no body; leaves what is to be written last.
    private func send(
        _ status: HTTPResponseStatus, length: Int, copied: Int, exchange id: UInt64,
        fields: (inout HTTPFieldWriter) -> Void, write: (inout ByteBuffer, ChannelHandlerContext) -> Void
    ) {
        guard let context, let closes = state.startResponse(to: id) else { return }
        let open = open
        let hasBody = status.mayHaveResponseBody && open?.head.method != .HEAD
        var bytes = startHead(status, to: open, closes: closes, capacity: 512 + copied) { writer in
            fields(&writer)
            if status.mayHaveResponseBody { writer.add("content-length", String(length)) }
        }
        bytes.writeStaticString("\r\n")
        if hasBody { write(&bytes, context) }
        finish(with: bytes, promise: nil, context)
    }

    /// Starts an answer whose body follows in parts, in chunks unless its headers say how long it is.
    ///
    /// - Returns: False if nobody waits for it any more.
    func startStream(status: HTTPResponseStatus, headers: HTTPHeaders, exchange id: UInt64) -> Bool {
        let hasLength = headers.contains(name: "content-length")
        let understandsChunks = open?.head.version == .http1_1
        let hasBody = status.mayHaveResponseBody && open?.head.method != .HEAD
        guard let context,
            let closes = state.startResponse(to: id, endsByClosing: hasBody && !hasLength && !understandsChunks)
        else { return false }
        var bytes = startHead(status, to: open, closes: closes, capacity: 512) { $0.add(headers, length: hasLength) }
        if status.mayHaveResponseBody, !hasLength, understandsChunks {
            bytes.writeStaticString("transfer-encoding: chunked\r\n")
            open?.isChunked = hasBody
        }
        bytes.writeStaticString("\r\n")
        write(bytes, promise: nil, context)
        return true
    }

    /// Writes a part of the body of the answer that ``startStream(status:headers:exchange:)`` has started.
    func stream(_ buffer: ByteBuffer, exchange id: UInt64, promise: EventLoopPromise<Void>) {
        guard let context, id == state.exchangeID, !state.isClosed else {
            promise.fail(ChannelError.alreadyClosed)
            return
        }
        guard open?.head.method != .HEAD, buffer.readableBytes > 0 else {
            promise.succeed()
            return
        }
        guard open?.isChunked == true else {
            write(buffer, promise: promise, context)
            context.flush()
            return
        }
        let size = ByteBuffer(string: String(buffer.readableBytes, radix: 16) + "\r\n")
        write(size, promise: nil, context)
        write(buffer, promise: nil, context)
        write(ByteBuffer(staticString: "\r\n"), promise: promise, context)
        context.flush()
    }

    /// Ends the answer that ``startStream(status:headers:exchange:)`` has started.
    func endStream(trailers: HTTPHeaders?, exchange id: UInt64, promise: EventLoopPromise<Void>) {
        guard let context, id == state.exchangeID, !state.isClosed else {
            promise.fail(ChannelError.alreadyClosed)
            return
        }
        var writer = HTTPFieldWriter(buffer: ByteBuffer())
        if open?.isChunked == true {
            writer.buffer.writeStaticString("0\r\n")
            if let trailers { writer.add(trailers) }
            writer.buffer.writeStaticString("\r\n")
        }
        finish(with: writer.buffer, promise: promise, context)
    }

    /// Breaks off an answer that has started and cannot be finished, so that the client sees it is incomplete.
    func abort(exchange id: UInt64) {
        guard id == state.exchangeID else { return }
        context?.close(promise: nil)
    }

    /// Writes all lines of a head but those that say where the body ends.
    private func startHead(
        _ status: HTTPResponseStatus, to open: Open?, closes: Bool, capacity: Int,
        fields: (inout HTTPFieldWriter) -> Void
    ) -> ByteBuffer {
        open?.onDisconnect = nil
        let isHTTP10 = open?.head.version == .http1_0
        var writer = HTTPFieldWriter(buffer: loop.takeBuffer(capacity: capacity))
        writer.buffer.writeStatusLine(status, version: isHTTP10 ? .http1_0 : .http1_1)
        fields(&writer)
        writer.add(lines: loop.dateLine)
        if closes {
            writer.buffer.writeStaticString("connection: close\r\n")
        } else if isHTTP10 {
            writer.buffer.writeStaticString("connection: keep-alive\r\n")
        }
        return writer.buffer
    }

    /// Writes the last bytes of an answer.
    private func finish(with bytes: ByteBuffer, promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        let action = state.endResponse(now: .now())
        if action == .close {
            // Closing earlier would cut off what is not flushed yet.
            let flushed = promise ?? context.eventLoop.makePromise()
            let channel = context.channel
            flushed.futureResult.whenComplete { _ in channel.close(promise: nil) }
            write(bytes, promise: flushed, context)
            context.flush()
            // No other deadline ends a connection that only waits for its client to take the rest.
            watchWrites(context)
            return
        }
        if promise != nil || !keep(bytes, context) { write(bytes, promise: promise, context) }
        loop.sendSoon(self)
        if action == .next { open = nil }
        process(context)
    }
}
