import Catalog
import YAML

/// The state that reads answer from: one moment between two writes.
struct Catalogue: Sendable {
    /// A model's file as it was at start.
    struct Baseline: Sendable {
        var text: String
        var document: YAMLMapping
    }

    /// All bundles and models.
    var registry: Registry
    /// The model files by the id they hold.
    let baselines: [String: Baseline]

    /// The document of a model as text: its file byte for byte while nothing was added to it, else what it grew to.
    func text(of model: ModelConfig) -> String {
        if let baseline = baselines[model.id], baseline.document == model.document { return baseline.text }
        return YAMLEmitter().text(of: YAMLNode(.mapping(model.document)))
    }
}
