import CurlClient

/// Why an API request has no good answer. The operation says which: `get leases.v1.coordination.k8s.io default/name`.
public enum KubernetesError: Error, Sendable {
    /// The server says no.
    case status(StatusError, operation: String)
    /// There is no answer.
    case transport(CurlError, operation: String)
    /// There is nothing to log in with.
    case credentials(CredentialError, operation: String)
    /// The answer, or the object to be sent, is not what the API has.
    case malformed(String, operation: String)

    /// What the server said, if it said no.
    public var status: StatusError? {
        if case .status(let status, _) = self { status } else { nil }
    }

    public var isNotFound: Bool { status?.reason == .notFound }
    public var isAlreadyExists: Bool { status?.reason == .alreadyExists }
    /// The object has changed since it was read, or another manager owns a field: read again and decide anew.
    public var isConflict: Bool { status?.reason == .conflict }
    /// The version or page to go on from is forgotten.
    public var isExpired: Bool { status?.reason == .expired }

    /// The task was cancelled or the client shut down.
    public var isCancellation: Bool {
        if case .transport(let error, _) = self { error == .cancelled || error == .shutDown } else { false }
    }

    /// Whether the same request may succeed later with nothing changed by the caller.
    public var isRetryable: Bool {
        switch self {
        case .status(let status, _):
            switch status.reason {
            case .tooManyRequests, .internalError, .serviceUnavailable, .timeout: true
            default: status.code >= 500 && status.code != 501
            }
        case .transport(let error, _):
            switch error {
            case .cannotConnect, .timedOut, .connectionLost, .tls, .other: true
            case .invalidRequest, .bodyTooLarge, .cancelled, .shutDown: false
            }
        case .credentials: true
        case .malformed: false
        }
    }

    /// When the server wants to be asked again, if it said so.
    public var retryAfter: Duration? { status?.retryAfter }
}

extension KubernetesError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .status(let status, let operation): "\(operation): \(status)"
        case .transport(let error, let operation): "\(operation): \(error)"
        case .credentials(let error, let operation): "\(operation): \(error)"
        case .malformed(let text, let operation): "\(operation): \(text)"
        }
    }
}
