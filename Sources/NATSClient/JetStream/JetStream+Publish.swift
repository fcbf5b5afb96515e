import NIOCore

extension JetStream {
    /// Publishes a message and waits until a stream has stored it.
    /// - Parameter messageID: the `Nats-Msg-Id` by which the stream drops a second copy.
    /// - Throws: ``NATSError/noResponders`` where no stream takes the subject, ``NATSError/jetStream(_:)`` where the stream
    ///   refused it, ``NATSError/timeout`` or ``NATSError/disconnected`` where it may or may not be stored.
    public func publish(
        _ subject: String, payload: ByteBuffer, headers: NATSHeaders = NATSHeaders(), messageID: String? = nil,
        timeout: TimeAmount? = nil
    ) async throws(NATSError) -> PubAck {
        let answer = try await connection.request(
            subject, payload: payload, headers: headers.naming(messageID), timeout: timeout ?? self.timeout)
        return try PubAckParser.parse(answer).get()
    }

    /// Publishes a message whose payload the caller writes straight into the send buffer; the acknowledgement, or the
    /// failure, is handed to `onAck` on the event loop, exactly once. No task and no timer is made for the message.
    ///
    /// Where this throws, nothing was sent and `onAck` is not called. See
    /// ``NATSConnection/publish(_:reply:headers:sizeHint:write:)`` for what `write` may do.
    ///
    /// - Parameter messageID: the `Nats-Msg-Id` by which the stream drops a second copy.
    public func publish(
        _ subject: String, headers: NATSHeaders = NATSHeaders(), messageID: String? = nil, sizeHint: Int,
        timeout: TimeAmount? = nil,
        write: (inout ByteBuffer) -> Void, onAck: @escaping @Sendable (Result<PubAck, NATSError>) -> Void
    ) throws(NATSError) {
        try connection.driver.request(
            subject, headers: headers.naming(messageID), sizeHint: sizeHint, timeout: timeout ?? self.timeout,
            isAnsweredOnce: true,
            write: write, onReply: { onAck($0.flatMap(PubAckParser.parse)) })
    }
}

extension NATSHeaders {
    fileprivate func naming(_ messageID: String?) -> NATSHeaders {
        guard let messageID else { return self }
        var headers = self
        headers["Nats-Msg-Id"] = messageID
        return headers
    }
}
