import HTTPTypes
public import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
public import Observability

extension Response {
    /// A route's response with the status, headers and body of `reply`.
    public init(_ reply: HTTPReply) {
        self.init(
            status: .init(code: Int(reply.status.code), reasonPhrase: reply.status.reasonPhrase),
            headers: HTTPFields(reply.headers, splitCookie: false), body: ResponseBody(byteBuffer: reply.body))
    }

    /// All metrics of `registry` as Prometheus text.
    public static func metrics(_ registry: MetricsRegistry) -> Response {
        Response(
            status: .ok, headers: [.contentType: MetricsText.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: registry.render())))
    }
}
