import Catalog
import Hummingbird
import JSONStream

extension ConfigAPI {
    /// `GET /v1/configs/epoch`: what gateways poll. It answers without a registry too.
    func getEpoch(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let bundlesHash = (try? authority.snapshot().registry.bundlesHash) ?? ""
        return .json(["epoch": .uint(await authority.epoch()), "bundles_hash": .string(bundlesHash)])
    }
}
