import HTTPTypes
import Hummingbird
import JSONStream
import NIOCore

/// A complete answer, in the form in which it can be kept and repeated.
struct Answer: Sendable, Equatable {
    var status: HTTPResponse.Status
    var contentType: String
    var body: [UInt8]
    /// After how many seconds the client should try again; nil says nothing.
    var retryAfterSeconds: Int?

    /// Compact JSON.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Answer {
        Answer(status: status, contentType: "application/json", body: JSONWriter.encode(value))
    }

    /// YAML text, as it is.
    static func yaml(_ text: String) -> Answer {
        Answer(status: .ok, contentType: "application/x-yaml", body: Array(text.utf8))
    }

    /// Whether the request was carried out.
    var isSuccess: Bool { status.kind == .successful }

    /// The answer as the router wants it.
    var response: Response {
        var headers: HTTPFields = [.contentType: contentType]
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
