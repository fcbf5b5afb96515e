import HTTPTypes
import Hummingbird
import NIOCore
import Observability

/// The probes and the metrics of a worker (worker contract 1.5).
enum HealthRoutes {
    static func router(status: StatusReporter, metrics: MetricsRegistry) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.get("/healthz") { _, _ in text("ok") }
        router.get("/readyz") { _, _ in
            status.ready ? text("ok") : text("not ready", status: .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: MetricsText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: metrics.render())))
        }
        return router
    }

    private static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
