import JSONStream

/// Objects as a list has them, and those that their type cannot read.
public struct ObjectList<Object: KubernetesObject>: Sendable {
    public var metadata = ListMeta()
    public var items: [Object] = []
    /// What is wrong with the items that cannot be read; the others are none the worse for it.
    public var unreadable: [UnreadableObject] = []

    public init() {}

    /// What asks for the next page; nil on the last.
    public var nextPage: String? { metadata.continue.flatMap { $0.isEmpty ? nil : $0 } }

    mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = JSONReader(bytes)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "metadata": metadata = try reader.readValue().decode(ListMeta.self)
            case "items":
                // Null for none, from some servers.
                if try reader.readNullIfPresent() { continue }
                try reader.beginArray()
                while try reader.nextElement() { add(try reader.readDocument(of: Object.self)) }
            default: try reader.skip()
            }
        }
        try reader.expectEnd()
    }

    mutating func add(_ document: JSONValue) {
        do {
            items.append(try document.decode(Object.self))
        } catch {
            unreadable.append(UnreadableObject(document, error))
        }
    }

    /// Adds the next page.
    mutating func append(_ page: ObjectList) {
        metadata = page.metadata
        items += page.items
        unreadable += page.unreadable
    }
}

/// An object that its type cannot read.
public struct UnreadableObject: Sendable {
    /// As far as that can be read.
    public var metadata: ObjectMeta
    /// Names the field at fault.
    public var reason: String

    init(_ document: JSONValue, _ error: any Error) {
        metadata = (try? document["metadata"]?.decode(ObjectMeta.self)) ?? ObjectMeta()
        reason =
            switch error as? DecodingError {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                Self.text(context.codingPath, context.debugDescription)
            case .keyNotFound(_, let context): Self.text(context.codingPath, context.debugDescription)
            default: "\(error)"
            }
    }

    private static func text(_ path: [any CodingKey], _ reason: String) -> String {
        path.isEmpty ? reason : "\(path.map(\.stringValue).joined(separator: ".")): \(reason)"
    }
}
