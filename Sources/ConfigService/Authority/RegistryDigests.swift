import Catalog
import Synchronization

/// The digests of one state of the registry, worked out when first asked for: every gateway polls them, and they are over
/// all models.
final class RegistryDigests: Sendable {
    /// What is polled beside the epoch.
    struct Values: Sendable {
        var bundles: String
        var bundleConfigHashes: String
    }

    private let known = Mutex<Values?>(nil)

    /// The digests of the registry that this belongs to.
    func values(of registry: Registry) -> Values {
        known.withLock { known in
            if let known { return known }
            let values = Values(bundles: registry.bundlesHash, bundleConfigHashes: registry.bundleConfigHashesHash)
            known = values
            return values
        }
    }
}
