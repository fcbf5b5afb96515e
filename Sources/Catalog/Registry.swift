import Synchronization
import YAML

/// All bundles and models at one moment.
///
/// A value: copies are cheap, readers keep one for as long as they work, and a writer changes its own copy and then
/// publishes it. Models and profiles are only ever added; bundles are replaced as a set.
public struct Registry: Sendable {
    /// What an addition did.
    public struct Addition: Sendable, Hashable {
        /// Names of new profiles, in the order of the document.
        public var createdProfiles: [String]
        /// Names of profiles that were there already with equal content.
        public var skippedProfiles: [String]
        /// All bundles that can serve the model now, by ascending priority.
        public var affectedBundles: [String]
    }

    /// The bundles by ascending priority, then name.
    public private(set) var bundles: [Bundle] = []
    /// The models by exact id.
    public private(set) var models = PersistentMap<ModelConfig>()

    private var bundlePositions: [String: Int] = [:]
    private var routes = PersistentMap<[String]>()
    private var spellings = PersistentMap<String>()
    private var digests = BundleDigests()

    /// Creates a registry without models.
    public init(bundles: [Bundle] = []) {
        replaceBundles(bundles)
    }

    /// Creates the registry of files as they were read; of several models with one id the last stays.
    public init(
        bundles: [CatalogDirectory.File<Bundle>], models: [CatalogDirectory.File<ModelConfig>]
    ) {
        self.init(bundles: bundles.map(\.content))
        for file in models { insert(file.content) }
    }

    // MARK: Reading

    /// The ids of all models in code point order.
    public var modelIDs: [String] { models.names.sorted { $0.codePointsPrecede($1) } }

    /// The bundle of an exact name.
    public func bundle(named id: String) -> Bundle? { bundlePositions[id].map { bundles[$0] } }

    /// The registered spelling of a model name, whatever its case; the last one registered where several differ only
    /// in case, unless the name is exact.
    public func modelID(matching name: String) -> String? {
        models[name] != nil ? name : spellings[name.lowercased()]
    }

    /// The model of a name, whatever its case.
    public func model(named name: String) -> ModelConfig? { modelID(matching: name).flatMap { models[$0] } }

    /// The names of the bundles that can serve a model (exact id), by ascending priority; none for an unknown model.
    public func bundles(servingModel id: String) -> [String] { routes[id] ?? [] }

    /// `bundle_config_hash` of a bundle: 64 hexadecimal digits, or empty where it serves no model or does not exist.
    /// Computed once for each state of the registry.
    public func bundleConfigHash(of bundleID: String) -> String {
        guard let bundle = bundle(named: bundleID) else { return "" }
        return digests.digest(of: bundleID) { servedModels(of: bundle) }
    }

    private func servedModels(of bundle: Bundle) -> ServedModels {
        ServedModels(models.lazy.map(\.value), modules: bundle.modules, scheme: .controlPlane031)
    }

    /// `bundles_hash`, which gateways compare to notice new bundles.
    public var bundlesHash: String { BundlesHash.digest(of: bundles) }

    /// One digest over every bundle's `bundle_config_hash` and the pools of its models, by which release 0.10.1 sees any
    /// change at all; empty where there are no bundles.
    public var bundleConfigHashesHash: String {
        BundlesHash.configDigest(
            of: bundles.map { bundle in
                (
                    bundle.id, digests.digest(of: bundle.id) { servedModels(of: bundle) },
                    digests.pools(of: bundle.id) { servedModels(of: bundle) }
                )
            })
    }

    // MARK: Growing

    /// Replaces the set of bundles; of several with one name the last stays.
    public mutating func replaceBundles(_ newBundles: [Bundle]) {
        var byName: [String: Bundle] = [:]
        for bundle in newBundles { byName[bundle.id] = bundle }
        bundles = byName.values.sorted { $0.precedes($1) }
        bundlePositions = Dictionary(uniqueKeysWithValues: bundles.enumerated().map { ($1.id, $0) })
        for (id, model) in models { routes[id] = route(of: model.modules) }
        digests = BundleDigests()
    }

    /// Adds a model by the rules that gateways apply to deltas and exports.
    ///
    /// New profiles join those already known for the exact id; known ones must be equal in what hashes cover.
    @discardableResult
    public mutating func add(_ model: ModelConfig) throws(RegistryError) -> Addition {
        guard !model.profiles.isEmpty else { throw .missingProfiles(model: model.id) }
        for profile in model.profiles where profile.module == nil && profile.extends == nil {
            throw .missingAdapterPath(model: model.id, profile: profile.name)
        }
        let unknown = unknownModules(of: model)
        guard unknown.isEmpty else { throw .unknownAdapters(model: model.id, modules: unknown) }

        let known = models[model.id]
        var created: [String] = []
        var skipped: [String] = []
        for profile in model.profiles {
            if let other = known?.profile(named: profile.name) {
                guard other.isHashedLike(profile) else {
                    throw .profileConflict(model: model.id, profile: profile.name)
                }
                skipped.append(profile.name)
            } else {
                created.append(profile.name)
            }
        }
        if !created.isEmpty { insert(known?.appending(model) ?? model) }
        return Addition(
            createdProfiles: created, skippedProfiles: skipped, affectedBundles: bundles(servingModel: model.id))
    }

    /// Puts a model in without any rule: one that was on disk at start, or the outcome of a write that was checked.
    public mutating func insert(_ model: ModelConfig) {
        models[model.id] = model
        routes[model.id] = route(of: model.modules)
        spellings[model.id.lowercased()] = model.id
        digests = digests.adding(model)
    }

    /// The modules of a model that no bundle lists, sorted.
    public func unknownModules(of model: ModelConfig) -> [String] {
        model.modules
            .filter { module in !bundles.contains { $0.adapters.contains(module) } }
            .sorted { $0.codePointsPrecede($1) }
    }

    /// The bundles that list at least one of the modules, by ascending priority.
    public func route(of modules: Set<String>) -> [String] {
        modules.isEmpty ? [] : bundles.filter { $0.adapters.contains(where: modules.contains) }.map(\.id)
    }
}

extension ModelConfig {
    /// This model with what another document of the same id adds: its new profiles behind the known ones and its new
    /// top-level keys at the end. What both hold stays as it is here.
    public func appending(_ other: ModelConfig) -> ModelConfig {
        (try? ModelConfig(document.appending(other.document))) ?? self
    }
}

extension YAMLMapping {
    /// The entries here, then the new ones of `other`; the same within `profiles`.
    package func appending(_ other: YAMLMapping) -> YAMLMapping {
        var merged = self
        for entry in other.entries {
            guard entry.key.string == "profiles", let known = self["profiles"]?.mapping else {
                if let key = entry.key.string, self[key] != nil { continue }
                merged.set(entry.key, entry.value)
                continue
            }
            var profiles = known
            for profile in entry.value.mapping?.entries ?? [] {
                if let name = profile.key.string, known[name] != nil { continue }
                profiles.set(profile.key, profile.value)
            }
            merged["profiles"] = YAMLNode(.mapping(profiles), mark: entry.value.mark)
        }
        return merged
    }
}

extension Registry {
    /// What is known of the digests of one state; each change of the registry takes a new one.
    private final class BundleDigests: Sendable {
        private struct Known: Sendable {
            var models: ServedModels
            var digest: String?
        }

        private let known: Mutex<[String: Known]>

        init() { known = Mutex([:]) }

        private init(_ known: [String: Known]) { self.known = Mutex(known) }

        /// - Parameter models: what the bundle serves, where that is not known here.
        func digest(of bundle: String, _ models: () -> ServedModels) -> String {
            known.withLock { known in
                if let digest = known[bundle]?.digest { return digest }
                // Taken out, so that what grows here is not copied.
                var models = known.removeValue(forKey: bundle)?.models ?? models()
                let digest = models.digest()
                known[bundle] = Known(models: models, digest: digest)
                return digest
            }
        }

        /// The pools of what a bundle serves, as ``BundlesHash`` covers them.
        func pools(of bundle: String, _ models: () -> ServedModels) -> [UInt8] {
            known.withLock { known in
                if let models = known[bundle]?.models { return models.pools }
                let models = models()
                known[bundle] = Known(models: models)
                return models.pools
            }
        }

        /// Those of the state with one model more, or with one changed.
        func adding(_ model: ModelConfig) -> BundleDigests {
            BundleDigests(
                known.withLock { known in
                    known.mapValues { bundle in
                        var models = bundle.models
                        return models.update(model) ? Known(models: models) : bundle
                    }
                })
        }
    }
}
