import Kubernetes

/// Which changes of a pool's objects are worth looking at the pool: the operator's own writes and renewals are not.
package enum PoolObjectChange {
    /// The SIEPool to look at; nil for none.
    package static func pool(_ event: InformerEvent<ConfigMap>) -> ObjectKey? {
        switch event {
        // Somebody has to write it, and at the start its SIEPool is looked at anyway.
        case .added, .synced: nil
        case .deleted(let map, _): owner(map.metadata)
        case .updated(let old, let new):
            mark(old.metadata) != mark(new.metadata) || content(old) != content(new) ? owner(new.metadata) : nil
        }
    }

    /// The SIEPool to look at; nil for none.
    package static func pool(_ event: InformerEvent<Lease>) -> ObjectKey? {
        switch event {
        case .added, .synced: nil
        case .deleted(let lease, _): owner(lease.metadata)
        case .updated(let old, let new):
            mark(old.metadata) != mark(new.metadata) || isTaken(from: old, to: new) ? owner(new.metadata) : nil
        }
    }

    private static func owner(_ metadata: ObjectMeta) -> ObjectKey? {
        // The label may be cut; the reference is not.
        let reference = metadata.ownerReferences.first(where: PoolObjects.isPool)?.name
        return (reference ?? metadata.labels[PoolObjects.ownerLabel]).map {
            ObjectKey(namespace: metadata.namespace, name: $0)
        }
    }

    private struct Mark: Hashable {
        var labels: [String: String]
        var owner: String?
        var references: [OwnerReference]
    }

    private static func mark(_ metadata: ObjectMeta) -> Mark {
        Mark(
            labels: metadata.labels, owner: metadata.annotations[PoolObjects.ownerAnnotation],
            references: metadata.ownerReferences)
    }

    /// What gateways and the operator say, but when they said it; nil for what cannot be read.
    private static func content(_ map: ConfigMap) -> PoolDocument? {
        var document = map.data?[PoolObjects.documentKey].flatMap { try? PoolDocument(text: $0) }
        document?.forgetRenewal()
        return document
    }

    private static func isTaken(from old: Lease, to new: Lease) -> Bool {
        guard let holder = new.spec?.holderIdentity, holder != old.spec?.holderIdentity else { return false }
        return !holder.utf8.starts(with: PoolObjects.holderPrefix.utf8)
    }
}
