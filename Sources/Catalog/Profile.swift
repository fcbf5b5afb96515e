import JSONStream
import YAML

/// One way to run a model: an adapter with its options, as written in the model's file.
///
/// Nothing is inherited here: a profile that extends another holds only what it says itself. `ResolvedProfile` follows
/// the parent.
public struct Profile: Sendable {
    /// The profile's name within its model.
    public let name: String
    /// Everything the file says of it, keys in file order.
    public let document: YAMLMapping
    /// `module:Class` of the adapter, if the profile names one itself; may be empty.
    public let adapterPath: String?
    /// The name of the profile it extends; nil where it names none.
    public let extends: String?
    /// The four fields that configuration hashes cover, in JSON; null where absent.
    let hashedFields: HashedFields

    struct HashedFields: Sendable {
        var adapterPath: JSONValue
        var maxBatchTokens: JSONValue
        var computePrecision: JSONValue
        var adapterOptions: JSONValue
    }

    /// Reads a profile.
    ///
    /// - Throws: `CatalogError` where the profile is no mapping, its `adapter_path` no string, or where one of the hashed
    ///   fields has no JSON form, because such a profile could never be acknowledged by a worker.
    public init(name: String, _ node: YAMLNode) throws(CatalogError) {
        guard let document = node.mapping else {
            throw CatalogError("profile '\(name)' must be a mapping, but is \(node.kindDescription)", at: node.mark)
        }
        self.name = name
        self.document = document
        if let path = document["adapter_path"], !path.isNull {
            guard let string = path.string else {
                throw CatalogError(
                    "adapter_path of profile '\(name)' must be a string, but is \(path.kindDescription)",
                    at: path.mark)
            }
            adapterPath = string
        } else {
            adapterPath = nil
        }
        let parent = document["extends"]?.string ?? ""
        extends = parent.isEmpty ? nil : parent
        hashedFields = HashedFields(
            adapterPath: adapterPath.map(JSONValue.string) ?? .null,
            maxBatchTokens: try Self.json(document["max_batch_tokens"], "max_batch_tokens", of: name),
            computePrecision: try Self.json(document["compute_precision"], "compute_precision", of: name),
            adapterOptions: try Self.json(document["adapter_options"], "adapter_options", of: name))
    }

    private static func json(
        _ node: YAMLNode?, _ field: String, of profile: String
    ) throws(CatalogError) -> JSONValue {
        guard let node else { return .null }
        do {
            return try JSONValue(node)
        } catch {
            throw CatalogError("\(field) of profile '\(profile)': \(error.message)", at: error.mark)
        }
    }

    /// The adapter's module, where the profile names an adapter itself.
    public var module: String? {
        adapterPath.flatMap { $0.isEmpty ? nil : AdapterModule.name(ofPath: $0) }
    }

    /// The most tokens a batch may hold, if the profile says so with an integer.
    public var maxBatchTokens: Int? { document["max_batch_tokens"]?.integer }

    /// `float16`, `bfloat16` or `float32`, if the profile says so.
    public var computePrecision: String? { document["compute_precision"]?.string }

    /// Options that the adapter gets when it loads the model.
    public var loadtimeOptions: YAMLMapping { document["adapter_options"]?["loadtime"]?.mapping ?? YAMLMapping() }

    /// Options that each request starts from.
    public var runtimeOptions: YAMLMapping { document["adapter_options"]?["runtime"]?.mapping ?? YAMLMapping() }
}
