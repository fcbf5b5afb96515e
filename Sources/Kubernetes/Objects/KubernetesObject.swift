/// An object that an API server keeps: any Codable type with the metadata that all of them have.
///
/// `apiVersion` and `kind` are no part of the types: they say where an object is kept, and whoever writes one adds them.
public protocol KubernetesObject: Codable, Sendable {
    var metadata: ObjectMeta { get set }
    /// Whether the type keeps the whole document. Of one that does not, lists and watches leave `metadata.managedFields`
    /// unread, which is most of a document's members.
    static var keepsDocument: Bool { get }
}

extension KubernetesObject {
    public static var keepsDocument: Bool { false }
}

/// A kind of object that has one place by default.
public protocol KubernetesResource: KubernetesObject {
    static var resourceType: ResourceType { get }
}

extension KubernetesObject {
    /// What names the object among those of its kind.
    public var key: ObjectKey { ObjectKey(namespace: metadata.namespace, name: metadata.name ?? "") }
}

extension KubernetesResource {
    /// What points to the object, in events.
    public var reference: ObjectReference {
        ObjectReference(
            apiVersion: Self.resourceType.apiVersion, kind: Self.resourceType.kind, namespace: metadata.namespace,
            name: metadata.name, uid: metadata.uid)
    }
}

/// The name of an object among those of its kind; what work queues hold and stores are indexed by.
public struct ObjectKey: Sendable, Hashable {
    /// Nil for kinds outside of namespaces.
    public var namespace: String?
    public var name: String

    public init(namespace: String? = nil, name: String) {
        self.namespace = namespace
        self.name = name
    }
}

extension ObjectKey: CustomStringConvertible {
    /// `namespace/name`.
    public var description: String { namespace.map { "\($0)/\(name)" } ?? name }
}
