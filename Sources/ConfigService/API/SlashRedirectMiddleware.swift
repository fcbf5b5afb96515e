import HTTPTypes
import Hummingbird

/// Sends clients that end a path with a slash to the path without it, where no id can end with one.
struct SlashRedirectMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard path.count > 1, path.hasSuffix("/") else { return try await next(request, context) }
        let target = String(path.dropLast())
        let bundlePrefix = "/v1/configs/bundles/"
        let isBundle = target.hasPrefix(bundlePrefix) && !target.dropFirst(bundlePrefix.count).contains("/")
        if ["/v1/configs/epoch", "/v1/configs/bundles"].contains(target) || isBundle {
            return Response(status: .temporaryRedirect, headers: [.location: target])
        }
        // The router does not see a trailing slash, but only ids may have one.
        guard path.hasPrefix("/v1/configs/models/") else { throw HTTPError(.notFound, message: "Not Found") }
        if path == "/v1/configs/models/", request.method == .post {
            throw HTTPError(.methodNotAllowed, headers: [.allow: "GET"], message: "Method Not Allowed")
        }
        return try await next(request, context)
    }
}
