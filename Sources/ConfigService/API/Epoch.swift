import Hummingbird
import JSONStream

extension ConfigAPI {
    /// `GET /v1/configs/epoch`: what gateways poll. It answers without a registry too.
    func getEpoch(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let digests = (try? authority.catalogue())?.digests
        return .json([
            "epoch": .uint(authority.epoch()), "bundles_hash": .string(digests?.bundles ?? ""),
            "bundle_config_hashes_hash": .string(digests?.bundleConfigHashes ?? ""),
        ])
    }
}
