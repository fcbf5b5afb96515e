public import Hummingbird

/// What an authorization rule says of a request.
public enum AuthorizationDecision: Sendable {
    /// It goes on.
    case allow
    /// This is the answer.
    case deny(HTTPReply)
}

/// Lets requests through or answers them, by a rule that sees the whole request head.
public struct AuthorizationMiddleware<Context: RequestContext>: RouterMiddleware {
    private let decide: @Sendable (Request) -> AuthorizationDecision

    /// Creates the middleware from its rule.
    public init(decide: @escaping @Sendable (Request) -> AuthorizationDecision) {
        self.decide = decide
    }

    /// Applies the rule.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        switch decide(request) {
        case .allow: try await next(request, context)
        case .deny(let reply): Response(reply)
        }
    }
}
