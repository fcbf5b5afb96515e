/// The limits and times of a WebSocket.
public struct WebSocketConfiguration: Sendable {
    /// The largest frame that is accepted.
    public var frameLimitBytes = 4 << 20
    /// The largest message, over all its frames, that is accepted.
    public var messageLimitBytes = 16 << 20
    /// How often a ping is sent to a silent peer; `nil` for never.
    public var pingInterval: Duration? = .seconds(20)
    /// How long a peer may be silent after a ping before the connection counts as lost.
    public var pongTimeout: Duration = .seconds(20)
    /// How long the peer has to answer a close frame.
    public var closeTimeout: Duration = .seconds(2)
    /// How long connecting and the handshake may take (clients).
    public var connectTimeout: Duration = .seconds(5)

    /// Creates the default settings.
    public init() {}
}
