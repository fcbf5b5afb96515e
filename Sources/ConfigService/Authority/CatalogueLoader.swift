import Catalog
import Logging
import YAML

/// Reads the catalogue that the service starts from.
struct CatalogueLoader: Sendable {
    let bundlesDirectory: String
    let modelsDirectory: String
    let logger: Logger

    /// The bundles and models on disk.
    ///
    /// - Throws: `CatalogError` where the bundles as a whole cannot be trusted. Model files that are no models are only
    ///   logged, and so are models that no bundle serves, which stay visible.
    func load() throws(CatalogError) -> Catalogue {
        let bundles = try CatalogDirectory(bundlesDirectory).bundles()
        let models = CatalogDirectory(modelsDirectory).models()
        for problem in bundles.problems + models.problems {
            logger.warning("not loaded", metadata: ["path": "\(problem.path)", "reason": "\(problem.reason)"])
        }
        let registry = Registry(bundles: bundles.files, models: models.files)
        var baselines: [String: Catalogue.Baseline] = [:]
        for file in models.files {
            let model = file.content
            // Of several files for one id, the one with the conventional name is shown.
            if baselines[model.id] == nil || file.name == ModelIdentifier.fileName(of: model.id) {
                baselines[model.id] = Catalogue.Baseline(text: file.text, document: model.document)
            }
            if registry.bundles(servingModel: model.id).isEmpty {
                logger.error("no bundle serves this model", metadata: ["model": "\(model.id)", "file": "\(file.name)"])
            }
        }
        logger.info(
            "catalogue loaded",
            metadata: ["bundles": "\(registry.bundles.count)", "models": "\(registry.models.count)"])
        return Catalogue(registry: registry, baselines: baselines)
    }

    /// Adds the models of a store, in the order of their ids, to a catalogue. What cannot be used is logged and left out;
    /// where a stored model contradicts a file that has changed since, the file wins and the rest is added.
    func restore(_ texts: [String: String], into catalogue: inout Catalogue) {
        var count = 0
        for id in texts.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            do {
                let document = try YAMLNode(parsing: texts[id] ?? "")
                guard let mapping = document.isNull ? YAMLMapping() : document.mapping else {
                    throw CatalogError("the file is no mapping")
                }
                let append = try ModelAppend(mapping, to: catalogue.registry, stored: nil, conflicts: .keepKnown)
                catalogue.insert(append.model, text: nil)
                count += 1
            } catch {
                logger.warning("stored model skipped", metadata: ["model": "\(id)", "reason": "\(error)"])
            }
        }
        logger.info("stored models restored", metadata: ["models": "\(count)"])
    }
}
