public import HTTPTypes
public import Hummingbird

/// Adds fixed header fields, such as the product's version, to every response that does not have them yet.
public struct ResponseHeadersMiddleware<Context: RequestContext>: RouterMiddleware {
    private let fields: HTTPFields

    /// Creates the middleware for these fields.
    public init(_ fields: HTTPFields) {
        self.fields = fields
    }

    /// Passes the request on and completes the response's headers.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        for field in fields where !response.headers.contains(field.name) {
            response.headers.append(field)
        }
        return response
    }
}
