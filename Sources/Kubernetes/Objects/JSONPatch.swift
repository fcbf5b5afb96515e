import JSONStream

/// Changes of a document, one after the other, all or none (RFC 6902). For changes within lists, which merge patches
/// replace as wholes, such as taking one finalizer away.
public struct JSONPatch: Sendable, Hashable {
    public enum Operation: Sendable, Hashable {
        /// Nothing is changed unless the value is there.
        case test(JSONPointer, JSONValue)
        case add(JSONPointer, JSONValue)
        case replace(JSONPointer, JSONValue)
        case remove(JSONPointer)
    }

    public var operations: [Operation]

    public init(_ operations: [Operation] = []) { self.operations = operations }

    /// As it is sent.
    public var document: JSONValue {
        .array(
            operations.map { operation in
                switch operation {
                case .test(let pointer, let value): Self.member("test", pointer, value)
                case .add(let pointer, let value): Self.member("add", pointer, value)
                case .replace(let pointer, let value): Self.member("replace", pointer, value)
                case .remove(let pointer): Self.member("remove", pointer, nil)
                }
            })
    }

    private static func member(_ name: String, _ pointer: JSONPointer, _ value: JSONValue?) -> JSONValue {
        var members = [JSONMember("op", .string(name)), JSONMember("path", .string(pointer.description))]
        if let value { members.append(JSONMember("value", value)) }
        return .object(members)
    }
}

/// A place in a document (RFC 6901).
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    public var parts: [String]

    public init(_ parts: String...) { self.parts = parts }

    /// `/metadata/annotations/example.com~1key`
    public var description: String {
        parts.map { part in
            var text = "/"
            for scalar in part.unicodeScalars {
                switch scalar {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.unicodeScalars.append(scalar)
                }
            }
            return text
        }.joined()
    }
}

extension JSONPatch {
    /// Adds a finalizer to an object that is as `metadata` says; nil where it has it.
    public static func adding(finalizer: String, to metadata: ObjectMeta) -> JSONPatch? {
        if metadata.finalizers.contains(finalizer) { return nil }
        let list = JSONPointer("metadata", "finalizers")
        guard metadata.finalizers.isEmpty else {
            return JSONPatch(
                same(as: metadata) + [
                    .test(list, .array(metadata.finalizers.map { .string($0) })),
                    .add(JSONPointer("metadata", "finalizers", "-"), .string(finalizer)),
                ])
        }
        // An add would replace what somebody else has added meanwhile; the version keeps it from doing so.
        return JSONPatch(same(as: metadata) + [version(metadata), .add(list, [.string(finalizer)])].compactMap { $0 })
    }

    /// Takes a finalizer away from an object whose finalizers are as `metadata` says; nil where it does not have it.
    public static func removing(finalizer: String, from metadata: ObjectMeta) -> JSONPatch? {
        guard let index = metadata.finalizers.firstIndex(of: finalizer) else { return nil }
        let place = JSONPointer("metadata", "finalizers", "\(index)")
        return JSONPatch(same(as: metadata) + [.test(place, .string(finalizer)), .remove(place)])
    }

    /// The object is this one, and no later one of its name.
    private static func same(as metadata: ObjectMeta) -> [Operation] {
        metadata.uid.map { [.test(JSONPointer("metadata", "uid"), .string($0))] } ?? []
    }

    private static func version(_ metadata: ObjectMeta) -> Operation? {
        metadata.resourceVersion.map { .test(JSONPointer("metadata", "resourceVersion"), .string($0)) }
    }
}
