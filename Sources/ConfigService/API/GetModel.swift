import Catalog
import HTTPService
import Hummingbird

extension ConfigAPI {
    /// `GET /v1/configs/models/{id}`: the whole document as YAML.
    func getModel(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let id = request.decodedPath(after: "/v1/configs/models/") ?? ""
        // A slash at the end belongs to the id; such an id is well formed and never exists.
        let stem = id.hasSuffix("/") ? String(id.dropLast()) : id
        guard ModelIdentifier.isValid(id), ModelIdentifier.isValid(stem) else { throw APIError.invalidModelID(id) }
        let catalogue = try authority.catalogue()
        guard let model = catalogue.registry.model(named: id) else { throw APIError.modelNotFound(id) }
        return .yaml(catalogue.text(of: model))
    }
}
