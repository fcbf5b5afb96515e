import Catalog
import HTTPService
import HTTPTypes
import Hummingbird
import JSONStream
import Logging
import NIOCore
import NIOHTTP1
import Observability
import YAML

/// The routes that are not inference: health, metrics, models, pools and the configuration as this replica knows it.
package struct SurfaceRoutes: Sendable {
    private let documents: @Sendable () -> ClusterDocuments
    private let demand: @Sendable () async -> [PendingDemand.Pending]
    private let isDraining: @Sendable () -> Bool
    private let pools: PoolDirectory
    private let metrics: MetricsRegistry
    private let access: AccessRule
    private let audit: AuditLog

    /// - Parameters:
    ///   - documents: the present picture; asked for once a request.
    ///   - demand: what is asked for and not there.
    ///   - isDraining: whether the gateway is shutting down, which readiness reports.
    package init(
        documents: @escaping @Sendable () -> ClusterDocuments,
        demand: @escaping @Sendable () async -> [PendingDemand.Pending] = { [] },
        isDraining: @escaping @Sendable () -> Bool, pools: PoolDirectory,
        metrics: MetricsRegistry, access: AccessRule, audit: AuditLog
    ) {
        self.documents = documents
        self.demand = demand
        self.isDraining = isDraining
        self.pools = pools
        self.metrics = metrics
        self.access = access
        self.audit = audit
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: AuthorizationMiddleware { [access] request in
                let verdict = access.verdict(
                    method: request.method.rawValue, path: request.uri.path,
                    authorization: request.headers[.authorization])
                guard let refusal = verdict.reply else { return .allow }
                return .deny(Self.lockedPage(for: request, refusedWith: refusal) ?? refusal)
            })
        // Behind authorization: who is turned away is counted, not audited.
        router.add(middleware: ObservationMiddleware { [audit] in audit.record($0) })
        router.add(middleware: ErrorBodyMiddleware(.message))
        router.get("/healthz") { _, _ in Response.json(["status": "ok"]) }
        router.get("/readyz") { _, _ in
            isDraining()
                ? Response.json(["status": "draining"], status: .serviceUnavailable)
                : Response.json(documents().readiness)
        }
        router.get("/") { _, _ in
            Response(HTTPReply(StatusPage(documents(), nonce: Self.nonce()), status: .ok))
        }
        router.get("/health") { _, _ in Response.json(documents().health) }
        router.get("/metrics") { _, _ in Response.metrics(metrics) }
        router.get("/v1/demand") { _, _ in Response.json(documents().demand(await demand())) }
        router.get("/v1/models") { _, _ in Response.json(documents().models) }
        router.get("/v1/models/**") { request, _ in model(request) }
        router.get("/v1/configs/models") { _, _ in Response.json(documents().configuredModels) }
        router.get("/v1/configs/models/**") { request, _ in modelConfiguration(request) }
        router.get("/v1/configs/bundles") { _, _ in Response.json(documents().configuredBundles) }
        router.get("/v1/configs/bundles/{id}") { request, _ in bundle(request) }
        router.post("/v1/configs/resolve") { request, _ in try await resolve(request) }
        PoolRoutes(pools: pools, audit: audit).add(to: router)
        UnservedRoutes.add(to: router)
        router.refuseOtherMethods(headAnswersGet: true)
        return router
    }

    /// Browsers cannot be told to send a token: they get a page that asks for one.
    private static func lockedPage(for request: Request, refusedWith refusal: HTTPReply) -> HTTPReply? {
        guard request.uri.path == "/", refusal.status == .unauthorized,
            request.headers[.accept]?.contains("text/html") == true
        else { return nil }
        return HTTPReply(StatusPage.locked(nonce: nonce()), status: .unauthorized)
    }

    private static func nonce() -> String {
        var random = SystemRandomNumberGenerator()
        return "\(String(random.next(), radix: 36))\(String(random.next(), radix: 36))"
    }

    private func model(_ request: Request) -> Response {
        guard let name = request.decodedPath(after: "/v1/models/") else { return Self.badPath }
        return documents().model(name).map { Response.json($0) } ?? Self.notFound("Model '\(name)' not found")
    }

    /// `{id}/status` is the status document where `{id}` is a known model; otherwise the whole rest is an id, so that a
    /// model may be called `x/status`.
    private func modelConfiguration(_ request: Request) -> Response {
        guard let name = request.decodedPath(after: "/v1/configs/models/") else { return Self.badPath }
        let documents = documents()
        let suffix = "/status"
        if name.hasSuffix(suffix), let status = documents.status(ofModel: String(name.dropLast(suffix.count))) {
            return Response.json(status)
        }
        guard let id = documents.registry.modelID(matching: name) else {
            return Self.notFound("Model '\(name)' not found")
        }
        return Self.yaml([
            ("sie_id", .string(id)), ("source", "gateway-registry"),
            ("bundles", .strings(documents.registry.bundles(servingModel: id))),
        ])
    }

    private func bundle(_ request: Request) -> Response {
        guard let id = request.decodedPath(after: "/v1/configs/bundles/") else { return Self.badPath }
        guard let bundle = documents().registry.bundle(named: id) else {
            return Self.notFound("Bundle '\(id)' not found")
        }
        return Self.yaml([
            ("name", .string(bundle.id)), ("priority", bundle.priority.json), ("source", "gateway-registry"),
            ("adapters", .strings(bundle.adapters)),
        ])
    }

    private func resolve(_ request: Request) async throws -> Response {
        let body = try await RequestedJSON.object(of: request)
        guard let model = body["model"]?.stringValue else {
            throw RequestedJSON.wrongShape("'model' must be a string")
        }
        let bundle = body["bundle"] ?? .null
        guard bundle.isNull || bundle.stringValue != nil else {
            throw RequestedJSON.wrongShape("'bundle' must be a string")
        }
        let resolution = Resolution(model: model, bundle: bundle.stringValue, registry: documents().registry)
        return Response.json(resolution.body, status: .init(code: resolution.status))
    }

    /// JSON is YAML; written a key a line it is also what people expect to read.
    private static func yaml(_ members: [(String, JSONValue)]) -> Response {
        var text = ""
        for (key, value) in members {
            guard case .array(let elements) = value, !elements.isEmpty else {
                text += "\(key): \(String(decoding: JSONWriter.encode(value), as: UTF8.self))\n"
                continue
            }
            text += "\(key):\n"
            for element in elements { text += "- \(String(decoding: JSONWriter.encode(element), as: UTF8.self))\n" }
        }
        return Response(
            status: .ok, headers: [.contentType: "application/x-yaml"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private static func notFound(_ message: String) -> Response {
        .json(["message": .string(message)], status: .notFound)
    }

    private static var badPath: Response {
        .json(["message": "the path is no valid percent-encoded UTF-8"], status: .badRequest)
    }
}

extension HTTPReply {
    fileprivate init(_ page: StatusPage, status: HTTPResponseStatus) {
        self.init(
            status: status,
            headers: [
                "content-type": "text/html; charset=utf-8", "content-security-policy": page.policy,
                "cache-control": "no-store", "x-content-type-options": "nosniff",
            ], body: ByteBuffer(string: page.html))
    }
}
