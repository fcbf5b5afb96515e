import HTTPTypes
import Hummingbird
import NIOCore
import Observability

/// The probes and the metrics of the operator.
enum ProbeRoutes {
    /// - Parameters:
    ///   - isHealthy: whether no work hangs.
    ///   - isReady: whether everything is known that was there at the start. Leaders and others alike.
    static func probes(
        isHealthy: @escaping @Sendable () -> Bool, isReady: @escaping @Sendable () -> Bool
    ) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.get("/healthz") { _, _ in answer(isHealthy(), else: "work hangs") }
        router.get("/readyz") { _, _ in answer(isReady(), else: "not everything is known yet") }
        return router
    }

    static func metrics(_ registry: MetricsRegistry) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: MetricsText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: registry.render())))
        }
        return router
    }

    private static func answer(_ isGood: Bool, else reason: String) -> Response {
        Response(
            status: isGood ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: isGood ? "ok" : reason)))
    }
}
