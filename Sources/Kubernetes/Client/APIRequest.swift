import CurlClient
import JSONStream

/// One request to the API server, before anybody has logged in with it.
struct APIRequest: Sendable {
    /// What is done, in the words of RBAC.
    enum Verb: String, Sendable {
        case get, list, watch, create, update, patch, delete

        var method: String {
            switch self {
            case .get, .list, .watch: "GET"
            case .create: "POST"
            case .update: "PUT"
            case .patch: "PATCH"
            case .delete: "DELETE"
            }
        }

        /// Whether sending it twice does no harm.
        var isRead: Bool { method == "GET" }
    }

    var verb: Verb
    var path: String
    var query: [(String, String)] = []
    var body: JSONValue?
    var contentType = "application/json"
    /// What it is about, in errors and reports; nil for paths that are no objects.
    var type: ResourceType?
    var key: ObjectKey?
    var subresource: Subresource?
    /// The longest answer that is read.
    var bodyLimitBytes = 16 << 20

    /// For errors: `get leases.v1.coordination.k8s.io default/name`.
    var operation: String {
        guard let type else { return "\(verb) \(path)" }
        let resource = subresource.map { "\(type)/\($0.rawValue)" } ?? "\(type)"
        guard let key else { return "\(verb) \(resource)" }
        return key.name.isEmpty ? "\(verb) \(resource) in \(key.namespace ?? "")" : "\(verb) \(resource) \(key)"
    }

    var target: String {
        query.isEmpty
            ? path : path + "?" + query.map { "\($0)=\(PathSegment.encode($1))" }.joined(separator: "&")
    }
}

/// One answer of the API server, or none: for metrics, and for comparing what is asked with what is allowed.
public struct RequestReport: Sendable {
    /// In the words of RBAC: get, list, watch, create, update, patch, delete.
    public var verb: String
    public var method: String
    public var resource: ResourceType?
    public var subresource: Subresource?
    public var namespace: String?
    public var name: String?
    /// The HTTP status; nil where no answer came.
    public var code: Int?
    /// Until the whole answer was there; of a watch, until its first byte.
    public var duration: Duration

    public init(
        verb: String, method: String, resource: ResourceType? = nil, subresource: Subresource? = nil,
        namespace: String? = nil, name: String? = nil, code: Int?, duration: Duration
    ) {
        self.verb = verb
        self.method = method
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        self.code = code
        self.duration = duration
    }
}
