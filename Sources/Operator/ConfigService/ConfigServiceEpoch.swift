/// How far the config service is (`GET /v1/configs/epoch`).
package struct ConfigServiceEpoch: Decodable, Sendable, Hashable {
    /// Counts up with every change; falls only where the service has lost its store.
    package var epoch: Int
    /// Of all bundles; empty where there are none.
    package var bundlesHash: String

    package init(epoch: Int, bundlesHash: String) {
        self.epoch = epoch
        self.bundlesHash = bundlesHash
    }

    private enum CodingKeys: String, CodingKey {
        case epoch
        case bundlesHash = "bundles_hash"
    }
}
