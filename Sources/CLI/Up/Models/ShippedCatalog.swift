import Catalog
import FoundationEssentials

/// The bundles and models that the product ships: `bundles/*.yaml` and `models/*.yaml`.
package struct ShippedCatalog: Sendable, Equatable {
    /// A model of the catalog.
    package struct Model: Sendable, Equatable {
        /// The name under which clients use it.
        package var id: String
        /// The repository on the Hugging Face hub that holds its weights.
        package var hubID: String?
        package var fileName: String
        package var yaml: String
    }

    /// The bundles' files: name to text.
    package var bundles: [String: String]
    /// In the order of their ids.
    package var models: [Model]

    /// Finds the catalog: where `override` says, else in the directories above the program that is at `sie`
    /// (`catalog/` in a source tree, `share/sie/catalog/` where the product is installed).
    package static func locate(sie: String, override: String?) throws(UpError) -> ShippedCatalog {
        if let override, !override.isEmpty {
            guard isCatalog(override) else {
                throw UpError(
                    "SIE_CATALOG_DIR names \(override), which has no bundles/ and models/",
                    remedy: "Name a directory that has both.")
            }
            return try read(override)
        }
        var directory = URL(filePath: sie).deletingLastPathComponent()
        while true {
            for candidate in ["catalog", "share/sie/catalog"] {
                let path = directory.appending(path: candidate).path
                if isCatalog(path) { return try read(path) }
            }
            let parent = directory.deletingLastPathComponent()
            guard parent.path != directory.path, directory.path != "/" else { break }
            directory = parent
        }
        throw UpError(
            "no catalog is found above \(sie)",
            remedy: "Name the directory with bundles/ and models/ in SIE_CATALOG_DIR.")
    }

    /// The model whose id, last part of the id, or hub repository is `name`, whatever the case.
    package func model(named name: String) -> Model? {
        let name = name.lowercased()
        return models.first { model in
            [model.id, model.hubID ?? model.id].contains { full in
                full.lowercased() == name || full.lowercased().split(separator: "/").last.map(String.init) == name
            }
        }
    }

    private static func isCatalog(_ path: String) -> Bool {
        ["bundles", "models"].allSatisfy { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    }

    private static func read(_ path: String) throws(UpError) -> ShippedCatalog {
        do throws(CatalogError) {
            let bundles = try CatalogDirectory("\(path)/bundles").bundles().complete()
            let models = try CatalogDirectory("\(path)/models").models().complete()
            return ShippedCatalog(
                bundles: Dictionary(uniqueKeysWithValues: bundles.map { ($0.name, $0.text) }),
                models: models.map {
                    Model(id: $0.content.id, hubID: $0.content.hubID, fileName: $0.name, yaml: $0.text)
                }.sorted { $0.id < $1.id })
        } catch {
            throw UpError("the catalog cannot be used: \(error)", remedy: "Correct the file.")
        }
    }
}
