import Kubernetes

/// What people are told when a model's conditions change.
package enum ModelEvents {
    /// One event for each thing that has come to be so, or is so for another reason.
    package static func events(from before: Conditions?, to after: Conditions) -> [Told] {
        func change(_ type: ConditionType) -> Condition? { after.changed(type, since: before) }
        var told: [Told] = []
        if let stalled = change(.stalled) { told.append(Told(.warning, stalled.reason, stalled.message)) }
        if let registered = change(.registered) {
            switch registered.status {
            case .true where before?.isTrue(.registered) != true:
                let reason = registered.reason == ModelReason.created.rawValue ? "Registered" : registered.reason
                told.append(Told(.normal, reason, registered.message))
            // What stalls has been told.
            case .false where change(.stalled) == nil:
                told.append(Told(.warning, registered.reason, registered.message))
            default: break
            }
        }
        if let routable = change(.routable) {
            switch routable.status {
            case .true where before?.isTrue(.routable) != true:
                told.append(Told(.normal, "Routable", routable.message))
            // A model that was never routable is only on its way.
            case .false where before?.isTrue(.routable) == true:
                told.append(Told(.warning, eventReason(routable.reason), routable.message))
            default: break
            }
        }
        if let acked = change(.workersAcked), acked.reason == ModelReason.allAcked.rawValue {
            told.append(Told(.normal, "WorkersAcked", acked.message))
        }
        return told
    }

    private static func eventReason(_ reason: String) -> String {
        reason == ModelReason.replicaStale.rawValue ? "GatewayReplicaStale" : reason
    }
}
