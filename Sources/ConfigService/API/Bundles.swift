import Catalog
import HTTPService
import Hummingbird
import JSONStream
import YAML

extension ConfigAPI {
    /// `GET /v1/configs/bundles`: by ascending priority.
    func listBundles(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let bundles = try authority.catalogue().registry.bundles.map { bundle -> JSONValue in
            [
                "bundle_id": .string(bundle.id), "priority": bundle.priority.json,
                "adapter_count": .int(Int64(bundle.adapters.count)), "source": "filesystem",
            ]
        }
        return .json(["bundles": .array(bundles)])
    }

    /// `GET /v1/configs/bundles/{id}`: what gateways need of a bundle, as YAML.
    func getBundle(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let id = request.decodedPath(after: "/v1/configs/bundles/") ?? ""
        guard let bundle = try authority.catalogue().registry.bundle(named: id) else {
            throw APIError.bundleNotFound(id)
        }
        let document = YAMLNode.mapping([
            "adapters": .sequence(bundle.adapters.map { .string($0) }), "name": .string(bundle.id),
            "priority": YAMLNode(json: bundle.priority.json), "source": .string("filesystem"),
        ])
        return .yaml(YAMLEmitter().text(of: document))
    }
}
