public import HTTPTypes
public import Hummingbird

/// A request that has been answered, as metrics and audit logs see it.
public struct ObservedRequest: Sendable {
    /// The request line and header fields.
    public let request: HTTPRequest
    /// The template of the route (`/v1/models/{id}`), or `nil` if no route matched.
    public let route: String?
    /// The answer's status line and header fields.
    public let response: HTTPResponse
    /// From the handler's start to its return.
    public let duration: Duration
}

/// Reports each request after its handler has returned. Metrics and audit are two uses of it.
public struct ObservationMiddleware<Context: RequestContext>: RouterMiddleware {
    private let report: @Sendable (ObservedRequest) -> Void

    /// Creates the middleware from what receives the reports.
    public init(report: @escaping @Sendable (ObservedRequest) -> Void) {
        self.report = report
    }

    /// Measures the rest of the chain. Errors pass through unreported, so put ``ErrorBodyMiddleware`` behind it.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        report(
            ObservedRequest(
                request: request.head, route: context.endpointPath == "NotFound" ? nil : context.endpointPath,
                response: response.head, duration: start.duration(to: .now)))
        return response
    }
}
