import NIOCore

extension JetStream {
    /// What the server says about a stream.
    /// - Throws: ``NATSError/jetStream(_:)`` with ``JetStreamAPIError/streamNotFound`` where there is none.
    public func streamInfo(_ name: String) async throws(NATSError) -> StreamInfo {
        try await call("STREAM.INFO.\(name)", answer: StreamInfo.self)
    }

    /// Creates a stream; one that exists with the same settings is left as it is.
    /// - Throws: ``NATSError/jetStream(_:)`` with ``JetStreamAPIError/streamNameInUse`` where it exists with others.
    @discardableResult
    public func createStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        try await call("STREAM.CREATE.\(configuration.name)", body: configuration, answer: StreamInfo.self)
    }

    /// The stream of this name as it is, created from `configuration` only where there is none.
    ///
    /// An existing stream with other settings is accepted, also when somebody else creates it at the same moment.
    @discardableResult
    public func ensureStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        do {
            return try await streamInfo(configuration.name)
        } catch .jetStream(let error) where error.errorCode == JetStreamAPIError.streamNotFound {}
        do {
            return try await createStream(configuration)
        } catch .jetStream(let error) where error.errorCode == JetStreamAPIError.streamNameInUse {
            return try await streamInfo(configuration.name)
        }
    }

    /// Changes the settings of a stream.
    @discardableResult
    public func updateStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        try await call("STREAM.UPDATE.\(configuration.name)", body: configuration, answer: StreamInfo.self)
    }

    /// Deletes a stream and all its messages.
    public func deleteStream(_ name: String) async throws(NATSError) {
        _ = try await call("STREAM.DELETE.\(name)", answer: Success.self)
    }

    /// Deletes messages of a stream: all of them, or those of one subject.
    /// - Returns: how many there were.
    @discardableResult
    public func purgeStream(_ name: String, subject: String? = nil) async throws(NATSError) -> Int {
        try await call("STREAM.PURGE.\(name)", body: PurgeRequest(filter: subject), answer: Purged.self).purged
    }

    /// Reads a stored message by its sequence.
    /// - Throws: ``NATSError/jetStream(_:)`` with ``JetStreamAPIError/messageNotFound`` where there is none.
    public func message(stream: String, sequence: UInt64) async throws(NATSError) -> StoredMessage {
        let stored = try await call(
            "STREAM.MSG.GET.\(stream)", body: MessageRequest(seq: sequence), answer: MessageAnswer.self
        ).message
        var headers = NATSHeaders()
        if let block = stored.hdrs { headers = HeaderBlock.parse(ByteBufferView(ByteBuffer(bytes: block.data))) }
        return StoredMessage(
            subject: stored.subject, sequence: stored.seq, headers: headers,
            payload: stored.data.map { ByteBuffer(bytes: $0.data) } ?? ByteBuffer(), time: stored.time)
    }

    /// Deletes a stored message by its sequence.
    public func deleteMessage(stream: String, sequence: UInt64) async throws(NATSError) {
        _ = try await call("STREAM.MSG.DELETE.\(stream)", body: MessageRequest(seq: sequence), answer: Success.self)
    }
}

private struct Success: Decodable {}

private struct PurgeRequest: Encodable {
    var filter: String?
}

private struct Purged: Decodable {
    var purged: Int
}

private struct MessageRequest: Encodable {
    var seq: UInt64
}

private struct MessageAnswer: Decodable {
    struct Stored: Decodable {
        var subject: String
        var seq: UInt64
        var hdrs: Base64Bytes?
        var data: Base64Bytes?
        var time: String
    }

    var message: Stored
}
