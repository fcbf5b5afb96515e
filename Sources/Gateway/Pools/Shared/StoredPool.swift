import Kubernetes

/// A pool's document and the object that it was read from.
package struct StoredPool: Equatable, Sendable {
    package var document: PoolDocument
    /// Whether another object, such as the operator's, owns it: gateways never delete such a pool.
    package var isOwned: Bool
    package var resourceVersion: String?

    /// - Throws: ``PoolDocument/Malformed`` where the ConfigMap holds no pool, or one of another name.
    package init(_ map: ConfigMap) throws(PoolDocument.Malformed) {
        guard let text = map.data?[PoolObjects.documentKey] else {
            throw PoolDocument.Malformed(description: "no '\(PoolObjects.documentKey)'")
        }
        document = try PoolDocument(text: text)
        guard map.metadata.name == PoolObjects.configMapName(document.name) else {
            throw PoolDocument.Malformed(description: "the document is of the pool '\(document.name)'")
        }
        isOwned = !map.metadata.ownerReferences.isEmpty
        resourceVersion = map.metadata.resourceVersion
    }
}

/// Until when a pool is wanted, as its Lease says. It is a sign of life and excludes nobody.
package struct PoolLease: Equatable, Sendable {
    /// Holders whose names begin so keep their pools alive themselves; gateways leave those to them.
    private static let operatorPrefix = "sie-operator/"

    package var pool: String
    package var durationSeconds: Int
    /// In Unix seconds, as is the next.
    package var renewedAt: Double
    package var acquiredAt: Double?
    package var isHeldByOperator: Bool
    package var isOwned: Bool
    package var resourceVersion: String?

    /// Nil where label, duration or time are missing: nothing can be concluded from such a Lease.
    package init?(_ lease: Lease) {
        guard let pool = lease.metadata.labels[PoolObjects.poolLabel], let spec = lease.spec,
            let duration = spec.leaseDurationSeconds, let time = spec.renewTime ?? spec.acquireTime
        else { return nil }
        self.pool = pool
        durationSeconds = duration
        renewedAt = time.secondsSince1970
        acquiredAt = spec.acquireTime?.secondsSince1970
        isHeldByOperator = (spec.holderIdentity ?? "").utf8.starts(with: Self.operatorPrefix.utf8)
        isOwned = !lease.metadata.ownerReferences.isEmpty
        resourceVersion = lease.metadata.resourceVersion
    }

    /// Whether its time is up: counted in whole seconds.
    package func isExpired(at now: Double) -> Bool { (now - renewedAt).rounded(.down) > Double(durationSeconds) }
}
