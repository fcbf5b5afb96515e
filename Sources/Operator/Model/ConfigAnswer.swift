import JSONStream

/// What came back of a request to the config service.
package enum ConfigAnswer: Sendable, Hashable {
    /// The service could not be reached, or its answer was lost: it may have done what it was asked for.
    case none(problem: String)
    case response(status: Int, body: JSONValue, retryAfterSeconds: Int? = nil)

    /// Nil where nothing came back.
    package var status: Int? {
        if case .response(let status, _, _) = self { status } else { nil }
    }
}
