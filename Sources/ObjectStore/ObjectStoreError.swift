/// A store that did not do what it was asked for.
public struct ObjectStoreError: Error, Sendable, Hashable {
    /// What a caller can do about it.
    public enum Reason: Sendable, Hashable {
        /// The object is not as the condition of a put wants it.
        case preconditionFailed
        /// No credentials, or refused ones: somebody must grant access.
        case accessDenied
        /// The bucket does not exist, or the location, the configuration or the key is malformed.
        case misconfigured
        /// The store cannot be reached or is overloaded, and stayed so over all attempts: later may help.
        case unavailable
        /// The same, but the object may have been changed by one of the attempts: only reading it can tell.
        case outcomeUnknown
        /// The store answered with something that its protocol does not know.
        case unexpectedAnswer
        /// The task was cancelled.
        case cancelled
    }

    public var reason: Reason
    /// What was to be done, such as `put s3://bucket/key`.
    public var operation: String
    public var message: String

    public init(_ reason: Reason, operation: String, _ message: String) {
        self.reason = reason
        self.operation = operation
        self.message = message
    }
}

extension ObjectStoreError: CustomStringConvertible {
    public var description: String { "\(operation): \(message)" }
}
