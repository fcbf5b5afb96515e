import Kubernetes

/// What the cluster has of a pool at a moment.
package struct LivePool: Sendable, Hashable {
    package var configMap: ConfigMap?
    package var lease: Lease?

    package init(configMap: ConfigMap? = nil, lease: Lease? = nil) {
        self.configMap = configMap
        self.lease = lease
    }

    /// What the ConfigMap says; nil where it says nothing that can be read.
    package var document: PoolDocument? {
        guard let text = configMap?.data?[PoolObjects.documentKey] else { return nil }
        return try? PoolDocument(text: text)
    }

    /// The last sign that somebody wants the pool, in Unix seconds: of whoever gave it. Gateways of release 0.3.1 renew
    /// the Lease alone.
    package var lastSign: Double? {
        [document?.lastRenewed, lease?.spec?.renewTime?.secondsSince1970].compactMap { $0 }.max()
    }

    /// Whether the Lease is held by this operator or another one of its kind.
    package var isHeldByOperator: Bool {
        (lease?.spec?.holderIdentity ?? "").utf8.starts(with: PoolObjects.holderPrefix.utf8)
    }

    /// Who holds the Lease; nil for nobody.
    package var holder: String? {
        lease?.spec?.holderIdentity.flatMap { $0.isEmpty ? nil : $0 }
    }
}
