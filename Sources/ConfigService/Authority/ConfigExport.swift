import Catalog
import FoundationEssentials
import JSONStream
import YAML

/// A snapshot of everything, as gateways bootstrap from it.
struct ConfigExport: Sendable {
    /// One model.
    struct Model: Sendable {
        var config: ModelConfig
        var text: String
        var affectedBundles: [String]
    }

    var epoch: UInt64
    var models: [Model]

    /// The body of `GET /v1/configs/export`.
    ///
    /// - Parameter now: the present time.
    func json(now: Date = .now) -> JSONValue {
        [
            "snapshot_version": 1, "epoch": .uint(epoch), "generated_at": .string(Self.timestamp(now)),
            "models": .array(models.map(\.json)),
        ]
    }

    /// `2026-01-02T03:04:05.678901+00:00`
    static func timestamp(_ time: Date) -> String {
        let microseconds = Int((time.timeIntervalSince1970 * 1_000_000).rounded(.down))
        let seconds = Date(timeIntervalSince1970: Double(microseconds / 1_000_000))
        let fraction = String(microseconds % 1_000_000)
        let text = seconds.formatted(.iso8601).dropLast()
        return "\(text).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)+00:00"
    }
}

extension ConfigExport.Model {
    fileprivate var json: JSONValue {
        [
            "model_id": .string(config.id), "model_config": parsed, "raw_yaml": .string(text),
            "affected_bundles": .array(affectedBundles.map(JSONValue.string)),
        ]
    }

    /// What the text says; the registry's document where the text holds no profiles or cannot be JSON.
    private var parsed: JSONValue {
        if let node = try? YAMLNode(parsing: text), node["profiles"] != nil,
            let json = try? JSONValue(node, nonStringKeys: .convert)
        {
            return json
        }
        return (try? JSONValue(YAMLNode(.mapping(config.document)), nonStringKeys: .convert))
            ?? ["sie_id": .string(config.id)]
    }
}
