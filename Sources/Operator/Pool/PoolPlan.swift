import JSONStream
import Kubernetes

/// What is to be written so that a pool's ConfigMap and Lease are as the pool asks for, by what the cluster has of them
/// (Kubernetes contract 2.4).
package struct PoolPlan: Sendable {
    private let pool: SIEPool
    private let live: LivePool
    private let holder: String
    private let now: Double
    private let name: String
    private let ttlSeconds: Int
    private let isManaged: Bool

    /// - Parameters:
    ///   - holder: this operator's name in Leases.
    ///   - now: in Unix seconds.
    package init(_ pool: SIEPool, _ live: LivePool, holder: String, now: Double) {
        self.pool = pool
        self.live = live
        self.holder = holder
        self.now = now
        name = pool.poolName ?? ""
        ttlSeconds = pool.spec.value?.ttlSeconds ?? 1200
        isManaged = pool.spec.value?.renewal != .clientRenewed
    }

    private var renewal: PoolRenewal { PoolRenewal(ttlSeconds: ttlSeconds) }

    // MARK: The ConfigMap

    /// The document that the ConfigMap is to have, and how to give it to it; nil where it has it.
    package func configMap(
        _ wanted: PoolDocument.Spec
    ) -> (document: PoolDocument, write: PoolWrite<ConfigMap>?) {
        let name = PoolObjects.configMapName(name)
        var document = live.document ?? PoolDocument(wanted, now: now)
        guard let map = live.configMap else {
            document = PoolDocument(wanted, now: now)
            let map = ConfigMap(
                metadata: PoolObjects.metadata(name, of: pool, named: self.name),
                data: [PoolObjects.documentKey: document.text])
            return (document, .create(map))
        }
        let marks = PoolObjects.marks(lacking: map.metadata, of: pool, named: self.name)
        let isOther = live.document == nil || document.spec != wanted
        let isDue = isManaged && renewal.isDue(ageSeconds: now - document.lastRenewed)
        guard isOther || isDue || !marks.isEmpty else { return (document, nil) }
        if live.document != nil { document.renew(at: now) }
        document.spec = wanted
        let content = JSONMember("data", [PoolObjects.documentKey: .string(document.text)])
        return (document, .change(name: name, patch: patch(map.metadata, marks, content)))
    }

    // MARK: The Lease

    /// How to write the Lease; nil where it is as it is to be.
    ///
    /// - Parameters:
    ///   - isPublished: whether the ConfigMap has just been written.
    ///   - isAnew: whether an object is made anew that somebody has deleted.
    package func lease(isPublished: Bool, isAnew: Bool) -> PoolWrite<Lease>? {
        let name = PoolObjects.leaseName(name)
        let renewTime = live.lease?.spec?.renewTime
        let marks = live.lease.map { PoolObjects.marks(lacking: $0.metadata, of: pool, named: self.name) } ?? []
        let isWrong = live.lease == nil || !marks.isEmpty || live.lease?.spec?.leaseDurationSeconds != ttlSeconds
        let isNeeded: Bool
        if isManaged {
            let age = renewTime.map { now - $0.secondsSince1970 } ?? .infinity
            isNeeded = isWrong || isPublished || live.holder != holder || renewal.isDue(ageSeconds: age)
        } else {
            // Who renews it holds it; the operator must not.
            isNeeded = isWrong || live.isHeldByOperator
        }
        guard isNeeded else { return nil }

        let newHolder = isManaged ? holder : live.holder.flatMap { live.isHeldByOperator ? nil : $0 } ?? "siepool"
        let isOther = live.lease != nil && live.holder != newHolder
        let isRenewed = isManaged || isPublished || renewTime == nil
        let spec = Lease.Spec(
            holderIdentity: newHolder, leaseDurationSeconds: ttlSeconds,
            acquireTime: live.lease?.spec?.acquireTime ?? MicroTime(secondsSince1970: now),
            renewTime: isRenewed ? MicroTime(secondsSince1970: now) : renewTime,
            leaseTransitions: (live.lease?.spec?.leaseTransitions ?? 0) + (isAnew || isOther ? 1 : 0))
        guard let lease = live.lease, let content = try? JSONValue(encoding: spec) else {
            return .create(Lease(metadata: PoolObjects.metadata(name, of: pool, named: self.name), spec: spec))
        }
        return .change(name: name, patch: patch(lease.metadata, marks, JSONMember("spec", content)))
    }

    private func patch(_ metadata: ObjectMeta, _ marks: [JSONMember], _ content: JSONMember) -> JSONValue {
        let version = JSONMember("resourceVersion", metadata.resourceVersion.map { .string($0) } ?? .null)
        return .object([JSONMember("metadata", .object([version] + marks)), content])
    }
}
