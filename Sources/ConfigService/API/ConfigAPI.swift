import Catalog
import FoundationEssentials
import HTTPService
import HTTPTypes
import Hummingbird
import JSONStream
import Logging
import NIOCore
import Observability

/// The HTTP API: every route, and what they share.
struct ConfigAPI: Sendable {
    /// The largest model document that may be posted.
    static let maximumDocumentBytes = 1 << 20

    let authority: ConfigAuthority
    let authorization: Authorization
    let metrics: ConfigMetrics
    let audit = Logger(label: "sie.audit")

    /// The routes behind their middleware.
    func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ObservationMiddleware(report: observe))
        router.add(middleware: ErrorBodyMiddleware(.configAPI))
        router.add(middleware: SlashRedirectMiddleware())

        router.get("/healthz") { _, _ in Answer.json(["status": "ok"]).response }
        router.get("/readyz") { _, _ in readiness().response }
        router.get("/metrics") { _, _ in Response.metrics(metrics.registry) }
        answer(router, .get, "/v1/configs/models", listModelsOrRefuseEmptyID)
        answer(router, .post, "/v1/configs/models", addModel)
        answer(router, .get, "/v1/configs/models/**", getModel)
        answer(router, .get, "/v1/configs/bundles", listBundles)
        answer(router, .get, "/v1/configs/bundles/{bundle_id}", getBundle)
        answer(router, .get, "/v1/configs/epoch", getEpoch)
        answer(router, .get, "/v1/configs/export", export)
        answer(router, .post, "/v1/configs/resolve", resolve)
        router.refuseOtherMethods(headAnswersGet: false)
        return router
    }

    private func answer(
        _ router: Router<BasicRequestContext>, _ method: HTTPRequest.Method, _ path: RouterPath,
        _ handle: @escaping @Sendable (Request) async throws -> Answer
    ) {
        router.on(path, method: method) { request, _ -> Response in
            do {
                return try await handle(request).response
            } catch let error as APIError {
                return error.answer.response
            }
        }
    }

    private func readiness() -> Answer {
        authority.isLoaded
            ? .json(["status": "ready"])
            : .json(["detail": "Model registry not loaded"], status: .serviceUnavailable)
    }

    /// `/v1/configs/models/` is the model with the empty id.
    private func listModelsOrRefuseEmptyID(_ request: Request) async throws -> Answer {
        try await request.uri.path.hasSuffix("/") ? getModel(request) : listModels(request)
    }

    private func observe(_ observed: ObservedRequest) {
        let path = Self.template(observed)
        guard path != "/metrics" else { return }
        let method = observed.request.method.rawValue
        metrics.requests.with(method, path, String(observed.response.status.code)).increment()
        metrics.requestDuration.with(method, path).observe(observed.duration)
    }

    /// The route as dashboards name it; what matches no route counts as one, so that clients cannot make up series.
    private static func template(_ observed: ObservedRequest) -> String {
        switch observed.route {
        case "/v1/configs/models/**": "/v1/configs/models/{model_id:path}"
        case let route?: route
        case nil: "other"
        }
    }
}
