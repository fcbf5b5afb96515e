import FoundationEssentials
public import NIOCore
import NIOHTTP1

/// How a service words the errors that no handler of its own produced: unknown paths, wrong methods, malformed requests,
/// bodies that are too large, thrown errors.
public struct HTTPErrorBodies: Sendable {
    /// A body and what it is.
    public struct Body: Sendable {
        /// The `content-type` header's value.
        public var contentType: String
        /// The body's bytes.
        public var bytes: ByteBuffer

        /// Creates a body.
        public init(contentType: String, bytes: ByteBuffer) {
            self.contentType = contentType
            self.bytes = bytes
        }
    }

    private let render: @Sendable (_ status: Int, _ message: String) -> Body?

    /// Creates the wording from a function of status and message; `nil` means an empty body.
    public init(render: @escaping @Sendable (_ status: Int, _ message: String) -> Body?) {
        self.render = render
    }

    /// The body for an error, or `nil` for an empty one.
    public func body(status: Int, message: String) -> Body? {
        render(status, message)
    }

    /// `{"message": ...}`, the gateway's form.
    public static let message = HTTPErrorBodies { _, message in .json(["message": message]) }
    /// `{"detail": ...}`, the config service's form.
    public static let detail = HTTPErrorBodies { _, message in .json(["detail": message]) }
}

extension HTTPErrorBodies.Body {
    /// A flat JSON object. For error paths only: it goes through Codable.
    public static func json(_ members: [String: String]) -> HTTPErrorBodies.Body? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(members) else { return nil }
        return HTTPErrorBodies.Body(contentType: "application/json", bytes: ByteBuffer(bytes: data))
    }
}

extension HTTPErrorBodies {
    /// The complete reply for an error that a connection finds before any handler runs.
    func reply(to failure: HTTPRequestFailure) -> HTTPReply {
        guard let body = body(status: Int(failure.status.code), message: failure.message) else {
            return HTTPReply(status: failure.status)
        }
        return HTTPReply(status: failure.status, contentType: body.contentType, body: body.bytes)
    }
}
