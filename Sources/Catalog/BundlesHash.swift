import JSONStream

/// The digest by which gateways see whether the set of bundles changed.
public enum BundlesHash {
    /// 64 hexadecimal digits, or the empty string where there are no bundles.
    public static func digest(of bundles: some Sequence<Bundle>) -> String {
        BundleConfigHash.hexDigest(canonicalText(of: bundles))
    }

    /// The digest over what the bundles serve: the `bundle_config_hash` of each, and the pool of each of its models.
    package static func configDigest(of bundles: [(id: String, hash: String, models: [ModelConfig])]) -> String {
        guard !bundles.isEmpty else { return "" }
        let members = bundles.map { bundle -> JSONMember in
            let pools = bundle.models.map { JSONMember($0.id, .string($0.pool)) }
            return JSONMember(bundle.id, ["bundle_config_hash": .string(bundle.hash), "model_pools": .object(pools)])
        }
        return BundleConfigHash.hexDigest(
            JSONWriter.encode(
                .object(members),
                options: JSONWriter.Options(escapesNonASCII: true, numberStyle: .python, sortsKeys: true)))
    }

    /// The bytes that are hashed: text beyond ASCII is escaped here, unlike in `BundleConfigHash`.
    package static func canonicalText(of bundles: some Sequence<Bundle>) -> [UInt8] {
        let entries =
            bundles
            .sorted { $0.id.codePointsPrecede($1.id) }
            .map { bundle -> JSONValue in
                let adapters = bundle.adapters.sorted { $0.codePointsPrecede($1) }
                return [
                    "name": .string(bundle.id), "priority": bundle.priority.json,
                    "adapters": .array(adapters.map(JSONValue.string)),
                ]
            }
        guard !entries.isEmpty else { return [] }
        return JSONWriter.encode(
            .array(entries), options: JSONWriter.Options(escapesNonASCII: true, numberStyle: .python, sortsKeys: true))
    }
}
