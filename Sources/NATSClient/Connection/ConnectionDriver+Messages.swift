import DequeModule
import NIOCore

extension ConnectionDriver {
    /// The subscription of the shared inbox. Identifiers of others begin after it.
    static let inboxSubscription: UInt64 = 1

    // MARK: Reading, on the event loop

    func readBegan() { isReading = true }

    func readCompleted() {
        isReading = false
        flushOutbox()
    }

    func received(_ operation: ServerOperation) {
        switch operation {
        case .message(Self.inboxSubscription, let message): receivedReply(message)
        case .message(let id, let message): subscriptions[id]?.onMessage(message)
        case .ping: perform(machine.receivedPing())
        case .pong:
            let wasConnected = machine.isConnected
            perform(machine.receivedPong())
            if wasConnected, let handler = pongHandlers.popFirst() { handler?(.success(())) }
        case .info(let info): perform(machine.received(info))
        case .error(let text): perform(machine.received(errorText: text))
        case .ok: break
        }
    }

    private func receivedReply(_ message: NATSMessage) {
        var token: UInt64 = 0
        for byte in message.subjectBytes.dropFirst(inboxPrefix.utf8.count) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): token = token << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): token = token << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return
            }
        }
        guard let handler = outbox.removeReply(token) else { return }
        handler(message.status == 503 ? .failure(.noResponders) : .success(message))
    }

    // MARK: Publishing, from any thread

    func publish(
        _ subject: String, reply: String?, headers: NATSHeaders, sizeHint: Int, write: (inout ByteBuffer) -> Void
    ) throws(NATSError) {
        try Subject.validate(subject)
        if let reply { try Subject.validate(reply) }
        if !headers.isEmpty { try HeaderBlock.validate(headers) }
        follow(try outbox.publish(subject, reply: reply, headers: headers, sizeHint: sizeHint, write: write))
    }

    func request(
        _ subject: String, headers: NATSHeaders, sizeHint: Int, timeout: TimeAmount, isAnsweredOnce: Bool = false,
        write: (inout ByteBuffer) -> Void, onReply: @escaping ReplyTable.Handler
    ) throws(NATSError) {
        try Subject.validate(subject)
        if !headers.isEmpty { try HeaderBlock.validate(headers) }
        follow(
            try outbox.request(
                subject, headers: headers, sizeHint: sizeHint, deadline: .now() + timeout,
                isAnsweredOnce: isAnsweredOnce, write: write, onReply: onReply))
    }

    func request(
        _ subject: String, payload: ByteBuffer, headers: NATSHeaders, timeout: TimeAmount
    ) async throws(NATSError) -> NATSMessage {
        let result: Result<NATSMessage, NATSError> = await withCheckedContinuation { continuation in
            do throws(NATSError) {
                try request(
                    subject, headers: headers, sizeHint: payload.readableBytes, timeout: timeout,
                    write: { $0.writeImmutableBuffer(payload) }, onReply: { continuation.resume(returning: $0) })
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    func acknowledge(_ message: NATSMessage, with text: String) throws(NATSError) {
        guard message.layout.reply.count > 0 else { throw .notJetStreamMessage }
        follow(try outbox.acknowledge(message, with: text))
    }

    private func follow(_ signal: Outbox.Signal) {
        if signal.needsFlush { flushSoon() }
        if let deadline = signal.deadline { armReplyTimer(deadline) }
    }

    private func armReplyTimer(_ deadline: NIODeadline) {
        eventLoop.scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            let (expired, next) = outbox.removeExpired(now: .now())
            if let next { armReplyTimer(next) }
            for handler in expired { handler(.failure(.timeout)) }
        }
    }

    // MARK: Writing, on the event loop

    /// Sees to it that what waits is written: at the end of the read under way, or else soon.
    func flushSoon() {
        if eventLoop.inEventLoop, isReading { return }
        eventLoop.execute { self.flushOutbox() }
    }

    /// Writes everything that waits, in one go: operations of the connection, messages, PINGs.
    func flushOutbox() {
        guard machine.isConnected, let handler, handler.isWritable else { return }
        var hasWritten = false
        if control.readableBytes > 0 {
            handler.write(control)
            control = ByteBuffer()
            hasWritten = true
        }
        var sent: ByteBuffer?
        var reachedSocket: Bool?
        if let messages = outbox.take(leaving: &spare) {
            let promise = eventLoop.makePromise(of: Void.self)
            let count = messages.readableBytes
            handler.write(messages, promise: promise)
            promise.futureResult.assumeIsolated().whenComplete { _ in
                reachedSocket = true
                self.outbox.finished(bytes: count)
            }
            sent = messages
            hasWritten = true
        }
        if pingsToSend > 0 {
            var pings = ByteBuffer()
            for _ in 0..<pingsToSend { pings.writeStaticString("PING\r\n") }
            pingsToSend = 0
            handler.write(pings)
            hasWritten = true
        }
        if hasWritten { handler.flush() }
        // Written in full, the buffer is ours alone again: its memory serves the next batch.
        if reachedSocket == true, var buffer = sent.take(), buffer.capacity <= Self.maxSpareBytes {
            buffer.clear()
            spare = buffer
        }
    }

    /// The largest buffer kept for the next batch.
    private static var maxSpareBytes: Int { 512 * 1024 }

    /// Sends a request that means nothing to another connection: it is lost with this one instead of kept.
    func writeConnectionBound(subject: String, replyPrefix: String, replyToken: UInt64, payload: String) {
        guard machine.isConnected else { return }
        control.writeRequest(subject: subject, replyPrefix: replyPrefix, replyToken: replyToken, payload: payload)
        flushSoon()
    }

    func sendPing(_ onPong: PongHandler?) {
        pongHandlers.append(onPong)
        pingsToSend += 1
        flushSoon()
    }
}
