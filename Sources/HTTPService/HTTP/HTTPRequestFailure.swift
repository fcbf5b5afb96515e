import NIOHTTP1

/// What can be wrong with a request before any handler sees it.
package enum HTTPRequestFailure: Error, Equatable {
    /// The bytes are no HTTP/1 request.
    case malformed
    /// The header fields exceed the configured limits.
    case headersTooLarge
    /// The body exceeds the limit of its route.
    case bodyTooLarge(limitBytes: Int)
    /// The head did not arrive in time.
    case headTimedOut
    /// The body did not arrive in time.
    case bodyTimedOut
    /// A handler failed without an answer.
    case handlerFailed

    var status: HTTPResponseStatus {
        switch self {
        case .malformed: .badRequest
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .payloadTooLarge
        case .headTimedOut, .bodyTimedOut: .requestTimeout
        case .handlerFailed: .internalServerError
        }
    }

    var message: String {
        switch self {
        case .malformed: "The request is not valid HTTP"
        case .headersTooLarge: "The request's header fields are too large"
        case .bodyTooLarge(let limit): "The request body exceeds the limit of \(limit) bytes"
        case .headTimedOut: "The request's header fields did not arrive in time"
        case .bodyTimedOut: "The request body did not arrive in time"
        case .handlerFailed: "Internal server error"
        }
    }
}
