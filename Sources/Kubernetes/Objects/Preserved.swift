import JSONStream

/// A typed object that is written back with everything its type does not know.
///
/// Read one instead of the bare type wherever the whole object is replaced: fields of newer servers, of other writers and
/// of other managers survive, because only what was changed through the type is changed in the document.
@dynamicMemberLookup
public struct Preserved<Object: KubernetesObject>: KubernetesObject {
    /// The typed view, to be changed at will.
    public var object: Object
    /// What the server sent.
    public let document: JSONValue
    /// How the type writes what the server sent.
    private let unchanged: JSONValue

    /// An object that is to be created.
    public init(_ object: Object) throws {
        self.object = object
        document = try JSONValue(encoding: object)
        unchanged = document
    }

    public init(from decoder: any Decoder) throws {
        document = try JSONValue(from: decoder)
        object = try document.decode(Object.self)
        unchanged = try JSONValue(encoding: object)
    }

    public static var keepsDocument: Bool { true }

    public var metadata: ObjectMeta {
        get { object.metadata }
        set { object.metadata = newValue }
    }

    public subscript<Member>(dynamicMember member: WritableKeyPath<Object, Member>) -> Member {
        get { object[keyPath: member] }
        set { object[keyPath: member] = newValue }
    }

    /// What has been changed since the object was read, as a merge patch; an empty object for nothing.
    public var changes: JSONValue {
        get throws { MergePatch.difference(from: unchanged, to: try JSONValue(encoding: object)) }
    }

    public func encode(to encoder: any Encoder) throws {
        try MergePatch.apply(changes, to: document).encode(to: encoder)
    }
}

extension Preserved: KubernetesResource where Object: KubernetesResource {
    public static var resourceType: ResourceType { Object.resourceType }
}
