/// What can go wrong between a caller and a NATS server.
public enum NATSError: Error, Sendable, Equatable {
    /// A server URL cannot be read; the text is its host part.
    case invalidURL(String)
    /// A subject or queue group is empty, has an empty token, or holds white space or control characters.
    case invalidSubject(String)
    /// A header name or value holds a character that would end the line.
    case invalidHeader(String)
    /// The credentials cannot be used; the text says why and holds no secret.
    case invalidCredentials(String)
    /// TLS could not be set up or its handshake failed.
    case tls(String)
    /// No server is connected and the configuration says not to wait for one.
    case notConnected
    /// The connection was lost after the message was sent: whether it arrived is unknown.
    case disconnected
    /// No server of the pool could be reached; the text is the last reason.
    case connectFailed(String)
    /// A server refused the credentials.
    case authenticationFailed(String)
    /// The connection was closed by its owner.
    case closed
    /// The connection drains: it takes no new messages or subscriptions.
    case draining
    /// The bytes waiting to be sent reached the configured limit; the message was not taken.
    case pendingBufferFull(limitBytes: Int)
    /// The headers and payload are larger than the server accepts.
    case maxPayloadExceeded(sizeBytes: Int, limitBytes: Int)
    /// No subscriber (for JetStream: no stream, or no JetStream) takes the subject of a request.
    case noResponders
    /// The answer did not come in time.
    case timeout
    /// The server reported an error (`-ERR`).
    case server(String)
    /// The peer sent something that is not the NATS protocol.
    case protocolViolation(String)
    /// JetStream refused the operation.
    case jetStream(JetStreamAPIError)
    /// An answer of JetStream could not be read.
    case malformedAnswer(String)
    /// The message has no JetStream reply subject, so it cannot be acknowledged.
    case notJetStreamMessage

    /// Whether the same call may succeed later with nothing changed by the caller.
    public var isRetryable: Bool {
        switch self {
        case .notConnected, .disconnected, .connectFailed, .pendingBufferFull, .noResponders, .timeout: true
        case .jetStream(let error): error.isRetryable
        default: false
        }
    }
}

extension NATSError: CustomStringConvertible {
    /// A sentence for a log.
    public var description: String {
        switch self {
        case .invalidURL(let url): "not a NATS server URL: '\(url)'"
        case .invalidSubject(let subject): "not a NATS subject: '\(subject)'"
        case .invalidHeader(let name): "not a NATS header: '\(name)'"
        case .invalidCredentials(let reason): "the NATS credentials cannot be used: \(reason)"
        case .tls(let reason): "TLS to the NATS server failed: \(reason)"
        case .notConnected: "not connected to a NATS server"
        case .disconnected: "the connection to the NATS server was lost before the answer came"
        case .connectFailed(let reason): "no NATS server could be reached: \(reason)"
        case .authenticationFailed(let reason): "the NATS server refused the credentials: \(reason)"
        case .closed: "the NATS connection is closed"
        case .draining: "the NATS connection is draining"
        case .pendingBufferFull(let limit): "more than \(limit) bytes wait to be sent to the NATS server"
        case .maxPayloadExceeded(let size, let limit):
            "a message of \(size) bytes is larger than the \(limit) bytes the NATS server accepts"
        case .noResponders: "nobody answers on this subject"
        case .timeout: "the answer did not come in time"
        case .server(let text): "the NATS server reported: \(text)"
        case .protocolViolation(let text): "the peer does not speak the NATS protocol: \(text)"
        case .jetStream(let error): error.description
        case .malformedAnswer(let text): "an answer of JetStream cannot be read: \(text)"
        case .notJetStreamMessage: "the message did not come from JetStream and cannot be acknowledged"
        }
    }
}
