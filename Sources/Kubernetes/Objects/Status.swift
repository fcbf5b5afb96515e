/// What the server says about a request, mostly one that failed (`metav1.Status`).
public struct Status: Codable, Sendable, Hashable {
    /// One thing that is wrong, such as a field.
    public struct Cause: Codable, Sendable, Hashable {
        /// Such as `FieldValueInvalid`, or `FieldManagerConflict` of a server-side apply.
        public var reason: String?
        public var message: String?
        public var field: String?
    }

    public struct Details: Codable, Sendable, Hashable {
        public var name: String?
        public var group: String?
        public var kind: String?
        public var uid: String?
        public var causes: [Cause]?
        public var retryAfterSeconds: Int?
    }

    /// `Success` or `Failure`.
    public var status: String?
    /// For people.
    public var message: String?
    /// For machines, such as `AlreadyExists`.
    public var reason: String?
    public var details: Details?
    /// The HTTP status.
    public var code: Int?

    public init(
        status: String? = "Failure", message: String? = nil, reason: String? = nil, details: Details? = nil,
        code: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.reason = reason
        self.details = details
        self.code = code
    }
}
