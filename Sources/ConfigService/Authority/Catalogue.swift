import Catalog
import YAML

/// Everything that is known of bundles and models: one moment between two writes.
struct Catalogue: Sendable {
    /// A model's file as it was at start.
    struct Baseline: Sendable {
        var text: String
        var document: YAMLMapping
    }

    /// All bundles and models.
    private(set) var registry: Registry
    /// The model files by the id they hold.
    let baselines: [String: Baseline]
    /// The texts in the store by id, whether or not they were restored into the registry.
    private(set) var stored = PersistentMap<String>()
    private var fragments = PersistentMap<ExportFragment>()
    private var sharedDigests = RegistryDigests()

    /// A catalogue without a store's models.
    init(registry: Registry, baselines: [String: Baseline]) {
        self.registry = registry
        self.baselines = baselines
        for id in registry.modelIDs { fragments[id] = ExportFragment() }
    }

    /// The same models among other bundles, whether one of these serves them or not.
    func with(bundles: [Bundle]) -> Catalogue {
        var registry = Registry(bundles: bundles)
        for id in self.registry.modelIDs {
            if let model = self.registry.models[id] { registry.insert(model) }
        }
        var other = Catalogue(registry: registry, baselines: baselines)
        other.stored = stored
        return other
    }

    /// The text of a model: as stored, else its file byte for byte while nothing was added to it, else what it grew to.
    func text(of model: ModelConfig) -> String {
        if let text = stored[model.id], !text.isEmpty { return text }
        if let baseline = baselines[model.id], baseline.document == model.document { return baseline.text }
        return YAMLEmitter().text(of: YAMLNode(.mapping(model.document)))
    }

    /// The part of an export that shows a model; made once for each state of the model.
    func exportFragment(of model: ModelConfig) -> [UInt8] {
        let make = {
            ExportFragment.bytes(
                of: model, text: text(of: model), affectedBundles: registry.bundles(servingModel: model.id))
        }
        return fragments[model.id]?.value(make) ?? make()
    }

    /// The digests of the registry as it is.
    var digests: RegistryDigests.Values { sharedDigests.values(of: registry) }

    /// Notes what the store holds, before anything of it is restored.
    mutating func note(stored texts: [String: String]) {
        for (id, text) in texts where stored[id] != text {
            stored[id] = text
            if registry.models[id] != nil { fragments[id] = ExportFragment() }
        }
    }

    /// Puts in a model as a write or the store left it.
    ///
    /// - Parameter text: its text in the store; nil where it is in none.
    mutating func insert(_ model: ModelConfig, text: String?) {
        registry.insert(model)
        sharedDigests = RegistryDigests()
        if let text { stored[model.id] = text }
        fragments[model.id] = ExportFragment()
    }
}
