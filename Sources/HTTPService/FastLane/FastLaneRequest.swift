public import NIOCore

/// A request in the fast lane, body and all.
public struct FastLaneRequest: Sendable {
    /// The request line and header fields, as they came: the URI is not decoded.
    public let head: RequestHead
    /// The whole body in one buffer.
    public let body: ByteBuffer
    /// When the head arrived.
    public let receivedAt: NIODeadline
    /// The way to answer.
    public let exchange: HTTPExchange
}
