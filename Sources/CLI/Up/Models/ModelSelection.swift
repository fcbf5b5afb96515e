import FoundationEssentials

/// Decides which models the stack serves, and under which names.
package enum ModelSelection {
    /// A model to serve: its id and the document that the services read, with `weights_path` filled in.
    package struct Model: Sendable, Equatable {
        package var id: String
        package var fileName: String
        package var yaml: String
    }

    /// The models in `directories`; where none is named, those of the catalog whose weights the hub's cache holds.
    package static func models(
        named directories: [String], catalog: ShippedCatalog, environment: [String: String]
    ) throws(UpError) -> [Model] {
        var models: [Model] = []
        for directory in directories {
            let model = try model(in: directory, catalog: catalog)
            guard !models.contains(where: { $0.id == model.id }) else {
                throw UpError("\(model.id) is named twice", remedy: "Name each --model-dir once.")
            }
            models.append(model)
        }
        guard directories.isEmpty else { return models }

        for known in catalog.models {
            guard let hubID = known.hubID, let snapshot = HubCache(environment: environment).snapshot(of: hubID) else {
                continue
            }
            models.append(try served(known, from: try Checkpoint.read(snapshot)))
        }
        guard !models.isEmpty else {
            throw UpError(
                "no model: none is named, and none of the catalog (\(catalog.models.map(\.id).joined(separator: ", "))) "
                    + "is in the Hugging Face cache",
                remedy: "Name a checkpoint's directory with --model-dir, or let scripts/run get one.")
        }
        return models
    }

    private static func model(in directory: String, catalog: ShippedCatalog) throws(UpError) -> Model {
        let checkpoint = try Checkpoint.read(directory)
        if let known = name(of: checkpoint.path).flatMap(catalog.model(named:)) {
            return try served(known, from: checkpoint)
        }
        let id = name(of: checkpoint.path) ?? "model"
        return Model(
            id: id, fileName: fileName(id), yaml: ModelDocument.generated(id: id, checkpoint: checkpoint))
    }

    private static func served(_ known: ShippedCatalog.Model, from checkpoint: Checkpoint) throws(UpError) -> Model {
        Model(
            id: known.id, fileName: known.fileName,
            yaml: try ModelDocument.withWeights(known.yaml, path: checkpoint.path, fileName: known.fileName))
    }

    /// A model's name by the place of its checkpoint: `all-MiniLM-L6-v2` for `models/all-MiniLM-L6-v2`, and
    /// `org/name` for the hub cache's `models--org--name/snapshots/<revision>`.
    package static func name(of path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        if parts.count >= 3, parts[parts.count - 2] == "snapshots", parts[parts.count - 3].hasPrefix("models--") {
            return String(parts[parts.count - 3].dropFirst("models--".count)).replacing("--", with: "/")
        }
        return parts.last
    }

    private static func fileName(_ id: String) -> String {
        "\(id.replacing("/", with: "__")).yaml"
    }
}
