public import NIOCore

/// One whole message, however many frames carried it.
public enum WebSocketMessage: Sendable, Equatable {
    /// UTF-8 text.
    case text(String)
    /// Any bytes.
    case binary(ByteBuffer)
}

/// How a WebSocket ended.
public struct WebSocketClosure: Sendable, Equatable, CustomStringConvertible {
    /// The status code (RFC 6455 section 7.4); 1005 for a close frame without one, 1006 for an end without a close frame.
    public var code: UInt16
    /// The peer's reason, often empty.
    public var reason: String

    /// Creates a closure.
    public init(code: UInt16, reason: String = "") {
        self.code = code
        self.reason = reason
    }

    /// The purpose is fulfilled.
    public static let normal = WebSocketClosure(code: 1000)
    /// The server shuts down, or the client leaves.
    public static let goingAway = WebSocketClosure(code: 1001)
    /// The connection ended without a close frame.
    public static let abnormal = WebSocketClosure(code: 1006)

    /// `1001 going away`.
    public var description: String { reason.isEmpty ? "\(code)" : "\(code) \(reason)" }
}

/// Why a WebSocket could not be opened or used.
public enum WebSocketError: Error, Equatable, CustomStringConvertible {
    /// The URL is none that a WebSocket can be opened to.
    case invalidURL(String)
    /// The server answered the handshake with this status instead of 101.
    case refused(status: Int)
    /// The server's handshake broke the protocol.
    case invalidHandshake(String)
    /// No connection within the time allowed.
    case timedOut
    /// The connection has ended.
    case closed(WebSocketClosure)

    /// What happened, for a log.
    public var description: String {
        switch self {
        case .invalidURL(let url): "\(url) is no ws:// or http:// URL"
        case .refused(let status): "the server refused the WebSocket with status \(status)"
        case .invalidHandshake(let reason): "invalid WebSocket handshake: \(reason)"
        case .timedOut: "the WebSocket was not opened in time"
        case .closed(let closure): "the WebSocket is closed (\(closure))"
        }
    }
}
