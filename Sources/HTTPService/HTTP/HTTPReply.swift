public import NIOCore
public import NIOHTTP1

/// A complete response that is written in one go.
///
/// `content-length`, `date` and `connection` are added when it is written.
public struct HTTPReply: Sendable {
    /// The status line's code and reason.
    public var status: HTTPResponseStatus
    /// The header fields besides those that writing adds.
    public var headers: HTTPHeaders
    /// The whole body.
    public var body: ByteBuffer

    /// Creates a reply.
    public init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Creates a reply of one content type.
    public init(status: HTTPResponseStatus, contentType: String, headers: HTTPHeaders = [:], body: ByteBuffer) {
        var headers = headers
        headers.replaceOrAdd(name: "content-type", value: contentType)
        self.init(status: status, headers: headers, body: body)
    }
}
