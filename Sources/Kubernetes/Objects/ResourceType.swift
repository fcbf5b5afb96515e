/// Where the API server keeps the objects of a kind, and what it calls them.
public struct ResourceType: Sendable, Hashable {
    /// The API group, such as `coordination.k8s.io`; empty for the core group.
    public var group: String
    public var version: String
    /// The name in URLs, such as `leases`.
    public var plural: String
    /// The name in documents, such as `Lease`.
    public var kind: String
    public var isNamespaced: Bool

    public init(group: String = "", version: String, plural: String, kind: String, isNamespaced: Bool = true) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
    }

    /// As in `apiVersion`: `v1`, `coordination.k8s.io/v1`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The same kind in another version of its group.
    public func at(version: String) -> ResourceType {
        var other = self
        other.version = version
        return other
    }

    /// The path of the group and version.
    var versionPath: String { group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)" }

    /// The path of all objects, of one namespace or of all.
    func collectionPath(namespace: String?) -> String {
        guard let namespace, isNamespaced else { return "\(versionPath)/\(plural)" }
        return "\(versionPath)/namespaces/\(PathSegment.encode(namespace))/\(plural)"
    }
}

extension ResourceType: CustomStringConvertible {
    /// As kubectl names it: `leases.v1.coordination.k8s.io`.
    public var description: String { group.isEmpty ? plural : "\(plural).\(version).\(group)" }
}
