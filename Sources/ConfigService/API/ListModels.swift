import Catalog
import Hummingbird
import JSONStream

extension ConfigAPI {
    /// `GET /v1/configs/models`: one entry for each model, whether or not a bundle serves it.
    func listModels(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let catalogue = try authority.catalogue()
        let registry = catalogue.registry
        let models = registry.modelIDs.compactMap { registry.models[$0] }.map { model -> JSONValue in
            let profiles = model.profiles.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            return [
                "model_id": .string(model.id), "profiles": .array(profiles.map(JSONValue.string)),
                "source": catalogue.stored[model.id] != nil ? "api" : "filesystem",
            ]
        }
        return .json(["models": .array(models)])
    }
}
