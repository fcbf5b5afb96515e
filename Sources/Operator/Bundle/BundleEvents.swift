import Kubernetes

/// What people are told when a bundle's status changes.
package enum BundleEvents {
    /// Reasons of conditions that are worth a warning when they come up.
    private static let warnings: Set<String> = Set(
        [
            BundleReason.kedaNotInstalled, .scalerFallback, .unschedulable, .imagePullFailed, .crashLoop,
            .restartRequired,
        ].map(\.rawValue))

    /// One event for each thing that has come to be so, or is so for another reason.
    package static func events(from before: SIEBundle.Status?, to after: SIEBundle.Status) -> [Told] {
        func change(_ type: ConditionType) -> Condition? { after.conditions.changed(type, since: before?.conditions) }
        var told: [Told] = []
        if let stalled = change(.stalled) { told.append(Told(.warning, stalled.reason, stalled.message)) }
        if let published = change(.definitionPublished), published.isTrue {
            told.append(Told(.normal, "DefinitionPublished", published.message))
        }
        if let ready = change(.ready), ready.reason == BundleReason.rolloutStuck.rawValue {
            told.append(Told(.warning, "RolloutStuck", ready.message))
        }
        for type in [ConditionType.advertised, .workersAvailable, .autoscalingReady] {
            guard let condition = change(type), warnings.contains(condition.reason) else { continue }
            told.append(Told(.warning, condition.reason, condition.message))
        }
        return told + scaling(before, after) + rollouts(before, after)
    }

    /// Between none and some workers.
    private static func scaling(_ before: SIEBundle.Status?, _ after: SIEBundle.Status) -> [Told] {
        guard let before else { return [] }
        return (after.groups ?? []).compactMap { group in
            let old = before.groups?.first { $0.machineProfile == group.machineProfile }
            guard let was = old?.replicas, let now = group.replicas else { return nil }
            switch (was == 0, now == 0) {
            case (true, false): return Told(.normal, "ScaledFromZero", "\(group.machineProfile) has workers")
            case (false, true): return Told(.normal, "ScaledToZero", "\(group.machineProfile) has no workers")
            default: return nil
            }
        }
    }

    private static func rollouts(_ before: SIEBundle.Status?, _ after: SIEBundle.Status) -> [Told] {
        (after.groups ?? []).compactMap { group in
            guard let old = before?.groups?.first(where: { $0.machineProfile == group.machineProfile }),
                let replicas = group.replicas, replicas > 0, group.updatedReplicas == replicas,
                let updated = old.updatedReplicas, let before = old.replicas, updated < before
            else { return nil }
            return Told(.normal, "RolloutCompleted", "all workers of \(group.machineProfile) are of the new version")
        }
    }
}
