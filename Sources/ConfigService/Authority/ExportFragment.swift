import Catalog
import JSONStream
import Synchronization
import YAML

/// One model's part of an export, made when it is first asked for: most models of a catalogue never change.
final class ExportFragment: Sendable {
    private let bytes = Mutex<[UInt8]?>(nil)

    /// The part, made by `make` if this is the first time.
    func value(_ make: () -> [UInt8]) -> [UInt8] {
        if let known = bytes.withLock({ $0 }) { return known }
        let made = make()
        bytes.withLock { $0 = made }
        return made
    }

    /// The JSON of a model in an export.
    static func bytes(of model: ModelConfig, text: String, affectedBundles: [String]) -> [UInt8] {
        JSONWriter.encode([
            "model_id": .string(model.id), "model_config": parsed(text, model), "raw_yaml": .string(text),
            "affected_bundles": .array(affectedBundles.map(JSONValue.string)),
        ])
    }

    /// What the text says; the registry's document where the text holds no profiles or cannot be JSON.
    private static func parsed(_ text: String, _ model: ModelConfig) -> JSONValue {
        if let node = try? YAMLNode(parsing: text), node["profiles"] != nil,
            let json = try? JSONValue(node, nonStringKeys: .convert)
        {
            return json
        }
        return (try? JSONValue(YAMLNode(.mapping(model.document)), nonStringKeys: .convert))
            ?? ["sie_id": .string(model.id)]
    }
}
