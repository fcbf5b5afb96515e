/// The status line and the header of an answer.
public struct CurlResponseHead: Sendable, Hashable {
    public var status: Int
    /// In the order in which they came.
    public var headers: [CurlRequest.Header]

    public init(status: Int, headers: [CurlRequest.Header] = []) {
        self.status = status
        self.headers = headers
    }

    /// The first value of a header field, whatever the case of its name.
    public subscript(name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// A whole answer.
public struct CurlResponse: Sendable, Hashable {
    public var head: CurlResponseHead
    public var body: [UInt8]

    public init(head: CurlResponseHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }

    public var status: Int { head.status }
    /// The body as UTF-8, repaired where it is not.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// An answer whose body is still coming.
public struct CurlStreamingResponse: Sendable {
    public let head: CurlResponseHead
    /// The body's bytes. Whoever lets go of it ends the transfer.
    public let body: CurlBody
}
