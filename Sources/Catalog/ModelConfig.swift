import JSONStream
import YAML

/// A model of the catalogue: its file, and what every binary needs to know of it.
public struct ModelConfig: Sendable {
    /// The public name, by exact spelling.
    public let id: String
    /// Everything the file says, keys in file order.
    public let document: YAMLMapping
    /// The profiles in file order.
    public let profiles: [Profile]
    /// The adapter modules of all profiles that name an adapter themselves.
    public let modules: Set<String>

    /// Reads a model document as tolerantly as the control plane and gateways do: it needs `sie_id` (or the older
    /// `name`) and nothing more; unknown keys stay in `document`. `ModelSchema` is the strict reading.
    ///
    /// - Throws: `CatalogError` where the document has no id or its profiles no shape.
    public init(_ node: YAMLNode) throws(CatalogError) {
        guard let document = node.mapping else {
            throw CatalogError("a model must be a mapping, but this is \(node.kindDescription)", at: node.mark)
        }
        try self.init(document)
    }

    /// Reads a model document that is known to be a mapping.
    public init(_ document: YAMLMapping) throws(CatalogError) {
        guard let id = Self.id(of: document) else { throw CatalogError("Missing required field: name/sie_id") }
        var profiles: [Profile] = []
        if let node = document["profiles"], !node.isNull {
            guard let entries = node.mapping?.entries else {
                throw CatalogError("profiles must be a mapping, but is \(node.kindDescription)", at: node.mark)
            }
            for entry in entries {
                guard let name = entry.key.string else {
                    throw CatalogError(
                        "a profile name must be a string, but is \(entry.key.kindDescription)", at: entry.key.mark)
                }
                profiles.append(try Profile(name: name, entry.value))
            }
        }
        self.id = id
        self.document = document
        self.profiles = profiles
        modules = Set(profiles.compactMap(\.module))
    }

    /// The id that a document gives itself: a non-empty `sie_id`, else a non-empty `name`.
    public static func id(of document: YAMLMapping) -> String? {
        for key in ["sie_id", "name"] {
            if let id = document[key]?.string, !id.isEmpty { return id }
        }
        return nil
    }

    /// The profile of a name.
    public func profile(named name: String) -> Profile? { profiles.first { $0.name == name } }

    /// The repository on the Hugging Face hub.
    public var hubID: String? { document["hf_id"]?.string }
    /// The pinned revision there.
    public var hubRevision: String? { document["hf_revision"]?.string }
    /// A directory with the weights, which wins over the hub.
    public var weightsPath: String? { document["weights_path"]?.string }
    /// The most tokens of a sequence; longer ones are cut.
    public var maxSequenceLength: Int? { document["max_sequence_length"]?.integer }

    /// The pool whose workers serve the model; `default` unless the file says otherwise.
    public var pool: String {
        let pool = document["pool"]?.string ?? ""
        return pool.isEmpty ? "default" : pool
    }

    /// What the model can answer, in the order of the wire: dense, sparse, multivector, score, json.
    public var outputs: [String] {
        let tasks = document["tasks"]
        let encode = tasks?["encode"]
        var outputs = ["dense", "sparse", "multivector"].filter { encode?[$0]?.mapping != nil }
        if tasks?["score"]?.mapping != nil { outputs.append("score") }
        if tasks?["extract"]?.mapping != nil { outputs.append("json") }
        return outputs
    }

    /// The declared width of each encode output.
    public var dimensions: [String: Int] {
        var dimensions: [String: Int] = [:]
        for output in ["dense", "sparse", "multivector"] {
            dimensions[output] = document["tasks"]?["encode"]?[output]?["dim"]?.integer
        }
        return dimensions
    }

    /// Widths below its own that dense vectors may be cut to, because the model was trained for it: the list
    /// `matryoshka_dimensions` among the load-time options of the profile `default`. The original knows no such list.
    public var matryoshkaDimensions: [Int] {
        let options = document["profiles"]?["default"]?["adapter_options"]?["loadtime"]
        return options?["matryoshka_dimensions"]?.sequence?.compactMap(\.integer) ?? []
    }

    /// The kinds of input the model takes; text unless the file says otherwise.
    public var inputs: [String] {
        let inputs = document["inputs"]
        return ["text", "image", "audio", "video", "document"].filter { inputs?[$0]?.bool ?? ($0 == "text") }
    }
}
