import JSONStream

/// The digest by which gateways see whether the set of bundles changed.
public enum BundlesHash {
    /// 64 hexadecimal digits, or the empty string where there are no bundles.
    public static func digest(of bundles: some Sequence<Bundle>) -> String {
        BundleConfigHash.hexDigest(canonicalText(of: bundles))
    }

    /// The digest over what the bundles serve: the `bundle_config_hash` of each, and the pool of each of its models.
    ///
    /// - Parameter bundles: `pools` is the JSON object of the pools of the bundle's models, sorted by the models' ids: most
    ///   of the text, which changes little.
    package static func configDigest(of bundles: [(id: String, hash: String, pools: [UInt8])]) -> String {
        guard !bundles.isEmpty else { return "" }
        let members = bundles.sorted { $0.id.codePointsPrecede($1.id) }.map { bundle -> [UInt8] in
            let hash = member("bundle_config_hash", .string(bundle.hash))
            let pools = JSONWriter.encode(.string("model_pools")) + [UInt8(ascii: ":")] + bundle.pools
            return JSONWriter.encode(.string(bundle.id), options: writing) + [UInt8(ascii: ":")]
                + object(ofMembers: [hash, pools])
        }
        return BundleConfigHash.hexDigest(object(ofMembers: members))
    }

    /// A model's member of its bundle's pools.
    static func poolMember(of model: ModelConfig) -> [UInt8] { member(model.id, .string(model.pool)) }

    /// A JSON object of members that are text already.
    static func object(ofMembers members: some Sequence<[UInt8]>) -> [UInt8] {
        var text = [UInt8(ascii: "{")]
        for member in members {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += member
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    private static func member(_ key: String, _ value: JSONValue) -> [UInt8] {
        JSONWriter.encode(.string(key), options: writing) + [UInt8(ascii: ":")]
            + JSONWriter.encode(value, options: writing)
    }

    private static let writing = JSONWriter.Options(escapesNonASCII: true, numberStyle: .python, sortsKeys: true)

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
        return JSONWriter.encode(.array(entries), options: writing)
    }
}
