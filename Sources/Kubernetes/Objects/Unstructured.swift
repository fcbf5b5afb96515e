import JSONStream

/// An object of any kind as the JSON that it is.
public struct Unstructured: KubernetesObject, Hashable {
    /// The whole document, `metadata` included.
    public var document: JSONValue
    /// Read from the document and written over it.
    public var metadata: ObjectMeta

    public static var keepsDocument: Bool { true }

    /// - Throws: `DecodingError` where the document has no metadata that can be read.
    public init(_ document: JSONValue) throws {
        self.document = document
        metadata = try (document["metadata"] ?? .object([])).decode(ObjectMeta.self)
    }

    public init(from decoder: any Decoder) throws {
        try self.init(try JSONValue(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        let known = try (document["metadata"] ?? .object([])).decode(ObjectMeta.self)
        let patch = MergePatch.difference(from: try JSONValue(encoding: known), to: try JSONValue(encoding: metadata))
        try MergePatch.apply(.object([JSONMember("metadata", patch)]), to: document).encode(to: encoder)
    }
}
