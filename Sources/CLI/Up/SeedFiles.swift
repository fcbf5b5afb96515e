import FoundationEssentials

/// The files that the services read at their start: the catalog's bundles, and a document for each served model.
struct SeedFiles: Sendable, Equatable {
    var bundles: [String: String]
    var models: [ModelSelection.Model]

    init(catalog: ShippedCatalog, models: [ModelSelection.Model]) {
        self.bundles = catalog.bundles
        self.models = models
    }

    /// Writes them, in place of those of an earlier run.
    func write(to layout: DataDirectory.Layout) throws(UpError) {
        do {
            for directory in [layout.bundles, layout.models] {
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
                    try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
                }
            }
            for (name, text) in bundles {
                try text.write(toFile: "\(layout.bundles)/\(name)", atomically: true, encoding: .utf8)
            }
            for model in models {
                try model.yaml.write(toFile: "\(layout.models)/\(model.fileName)", atomically: true, encoding: .utf8)
            }
        } catch {
            throw UpError(
                "cannot write to \(layout.root): \(error)", remedy: "Name another directory with --data-dir.")
        }
    }
}
