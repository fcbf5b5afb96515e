import NIOCore

/// A message as a stream keeps it, read by its sequence.
public struct StoredMessage: Sendable {
    /// The subject it was published to.
    public var subject: String
    /// Its sequence in the stream.
    public var sequence: UInt64
    /// Its headers.
    public var headers: NATSHeaders
    /// Its payload.
    public var payload: ByteBuffer
    /// When it was stored, RFC 3339.
    public var time: String
}
