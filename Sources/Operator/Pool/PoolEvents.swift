import Kubernetes

/// What people are told when a pool's conditions change.
package enum PoolEvents {
    /// One event for each thing that has come to be so, or is so for another reason.
    package static func events(from before: Conditions?, to after: Conditions) -> [Told] {
        func change(_ type: ConditionType) -> Condition? { after.changed(type, since: before) }
        var told: [Told] = []
        if let stalled = change(.stalled) {
            told.append(Told(.warning, eventReason(stalled.reason), stalled.message))
        }
        if let published = change(.published) {
            switch published.status {
            case .true where before?.isTrue(.published) != true:
                told.append(Told(.normal, "PoolPublished", published.message))
            // What stalls has been told.
            case .false where after[.stalled] == nil: told.append(Told(.warning, published.reason, published.message))
            default: break
            }
        }
        if let held = change(.leaseHeld), held.status == .false, after[.stalled]?.reason != held.reason {
            told.append(Told(.warning, "PoolLeaseLost", held.message))
        }
        // A pool that not everybody knew is only on its way.
        if let visible = change(.visible), visible.status == .false, before?.isTrue(.visible) == true {
            told.append(Told(.warning, visible.reason, visible.message))
        }
        if let ready = change(.ready), ready.reason == PoolReason.active.rawValue {
            told.append(Told(.normal, "PoolActive", ready.message))
        }
        return told
    }

    private static func eventReason(_ reason: String) -> String {
        reason == PoolReason.expired.rawValue ? "PoolExpired" : reason
    }
}
