import Catalog
import Hummingbird
import JSONStream

extension ConfigAPI {
    /// `GET /v1/configs/epoch`: what gateways poll. It answers without a registry too.
    func getEpoch(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let registry = (try? authority.catalogue())?.registry ?? Registry()
        return .json([
            "epoch": .uint(authority.epoch()), "bundles_hash": .string(registry.bundlesHash),
            "bundle_config_hashes_hash": .string(registry.bundleConfigHashesHash),
        ])
    }
}
