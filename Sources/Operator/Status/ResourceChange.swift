import Kubernetes

/// Which changes of an object are worth looking at it: its own status writes are not.
package enum ResourceChange {
    package static func matters(_ event: InformerEvent<some SIEResource>) -> Bool {
        guard case .updated(let old, let new) = event else { return true }
        return old.metadata.generation != new.metadata.generation
            || old.metadata.annotations != new.metadata.annotations
            || old.metadata.deletionTimestamp != new.metadata.deletionTimestamp
            || old.metadata.uid != new.metadata.uid
            // Somebody else has taken away what the operator wrote.
            || old.status != nil && new.status == nil
    }
}
