import JSONStream

/// The announcement of one configuration change (gateway contract 4.9, worker contract 3.2).
public struct ConfigDelta: Sendable, Equatable {
    /// Who published it. Two keys may carry it; `producer_id` is the newer name.
    public var producerID: String
    public var bundleID: String
    public var epoch: UInt64
    public var bundleConfigHash: String
    public var modelID: String
    public var profilesAdded: [String]
    /// The full merged model as YAML; empty for a mere epoch bump.
    public var modelConfig: String
    public var affectedBundles: [String]

    public init(
        producerID: String, bundleID: String, epoch: UInt64, bundleConfigHash: String, modelID: String = "",
        profilesAdded: [String] = [], modelConfig: String = "", affectedBundles: [String] = []
    ) {
        self.producerID = producerID
        self.bundleID = bundleID
        self.epoch = epoch
        self.bundleConfigHash = bundleConfigHash
        self.modelID = modelID
        self.profilesAdded = profilesAdded
        self.modelConfig = modelConfig
        self.affectedBundles = affectedBundles
    }

    /// Whether the delta only announces a higher epoch.
    public var isEpochBump: Bool { modelConfig.allSatisfy(\.isWhitespace) }

    /// Decodes a delta; unknown keys are ignored.
    public init(decoding json: UnsafeRawBufferPointer) throws(WireError) {
        let value: JSONValue
        do {
            value = try JSONReader.decode(json)
        } catch {
            throw .json(error.description)
        }
        guard value.objectValue != nil else { throw .json("not a JSON object") }
        let router = value["router_id"]
        let producer = value["producer_id"]
        if router != nil, producer != nil { throw .json("both 'router_id' and 'producer_id' are given") }
        guard let producerID = (router ?? producer)?.stringValue else { throw .missing("router_id") }
        guard let bundleID = value["bundle_id"]?.stringValue else { throw .missing("bundle_id") }
        let epoch: UInt64
        switch value["epoch"] {
        case .int(let number) where number >= 0: epoch = UInt64(number)
        case .uint(let number): epoch = number
        default: throw .missing("epoch")
        }
        guard let hash = value["bundle_config_hash"]?.stringValue else { throw .missing("bundle_config_hash") }
        self.init(
            producerID: producerID, bundleID: bundleID, epoch: epoch, bundleConfigHash: hash,
            modelID: value["model_id"]?.stringValue ?? "",
            profilesAdded: value["profiles_added"]?.arrayValue?.compactMap(\.stringValue) ?? [],
            modelConfig: value["model_config"]?.stringValue ?? "",
            affectedBundles: value["affected_bundles"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }

    /// The message as sie-config publishes it. The producer travels as `router_id`, which every reader knows.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("router_id")
        writer.write(producerID)
        writer.key("bundle_id")
        writer.write(bundleID)
        writer.key("epoch")
        writer.write(epoch)
        writer.key("bundle_config_hash")
        writer.write(bundleConfigHash)
        writer.key("model_id")
        writer.write(modelID)
        writer.key("profiles_added")
        writer.write(profilesAdded)
        writer.key("model_config")
        writer.write(modelConfig)
        writer.key("affected_bundles")
        writer.write(affectedBundles)
        writer.endObject()
        return writer.bytes
    }
}
