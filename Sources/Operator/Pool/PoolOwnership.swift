import Kubernetes

/// Whose a ConfigMap or a Lease is that has the name of a pool's.
package enum PoolOwnership: Sendable, Hashable {
    case ours
    /// Nobody's who is still there, or given to the operator.
    case adoptable
    /// Somebody else's; who, and what would help.
    case foreign(String)

    /// - Parameter wasPublished: whether the pool was there before, so that what bears its name was made in its place.
    package init(of metadata: ObjectMeta, for pool: SIEPool, wasPublished: Bool) {
        let owner = metadata.annotations[PoolObjects.ownerAnnotation]
        let label = metadata.labels[PoolObjects.ownerLabel]
        let isNamesake = label == PoolObjects.ownerName(pool)
        if let uid = pool.metadata.uid, owner == uid || metadata.ownerReferences.contains(where: { $0.uid == uid }) {
            self = .ours
        } else if let controller = metadata.controller {
            // Of two objects of one name and kind, the other one is gone.
            let isGone = PoolObjects.isPool(controller) && controller.name == pool.metadata.name
            self = isGone ? .adoptable : .foreign("it belongs to the \(controller.kind) \(controller.name)")
        } else if owner != nil, !isNamesake {
            self = .foreign("it belongs to the SIEPool \(label ?? "of another name")")
        } else if isNamesake || wasPublished || metadata.annotations[SIEGroup.adoptAnnotation] == "true" {
            self = .adoptable
        } else {
            let hint = "the annotation \(SIEGroup.adoptAnnotation): \"true\" on it hands it over"
            self = .foreign("it was not made by the operator; \(hint)")
        }
    }
}
