import Kubernetes

/// What is so of a bundle, put together from what was found: the conditions beside Ready, and the details of the status.
package struct BundleFold: Sendable, Hashable {
    /// A condition's content.
    package struct Verdict: Sendable, Hashable {
        package var state: Condition.State
        package var reason: BundleReason
        package var message: String

        package init(_ state: Condition.State, _ reason: BundleReason, _ message: String) {
            self.state = state
            self.reason = reason
            self.message = message
        }
    }

    /// After how long a definition that the config service does not tell was not read at all: the kubelet refreshes files
    /// within two minutes, and a service that watches them reads them at once.
    package static let longestPropagation: Int64 = 180

    package let definitionPublished: Verdict
    package let advertised: Verdict
    package let workersAvailable: Verdict
    package let autoscalingReady: Verdict
    /// What is wrong with a new version that was stopped.
    package let stuckRollout: String?
    /// Whether there is no worker, and none is wanted.
    package let isDormant: Bool
    package let definition: SIEBundle.Definition
    package let groups: [SIEBundle.Group]

    /// - Parameters:
    ///   - publication: why the definition could not be written; nil where it is there.
    ///   - refusal: what the API server did not take, if there was something.
    ///   - stoppedRollouts: ordinals at which new versions were stopped, by machine profiles.
    ///   - bundlesHash: of the config service, over all bundles.
    package init(
        _ bundle: SIEBundle, _ spec: SIEBundle.Spec, definition: BundleDefinition, objects: WorkerObjects,
        observed: BundleObservation, publication: Verdict?, refusal: String? = nil,
        stoppedRollouts: [String: Int] = [:], bundlesHash: String? = nil, now: Timestamp
    ) {
        let names = objects.names
        definitionPublished =
            publication ?? Verdict(.true, .synced, "\(names.configMap) has \(names.definitionKey)")
        advertised = Self.advertised(bundle, definition, observed.advertisement, now: now)
        var known = SIEBundle.Definition(
            configMap: names.configMap, key: names.definitionKey, sha256: definition.sha256,
            bundlesHash: bundlesHash ?? bundle.status?.definition?.bundlesHash)
        switch advertised.state {
        case .true: known.advertised = true
        case .false: known.advertised = false
        case .unknown:
            // What was told of another definition says nothing of this one.
            let before = bundle.status?.definition
            known.advertised = before?.sha256 == definition.sha256 ? before?.advertised : nil
        }
        self.definition = known

        let workers = (spec.workerGroups ?? []).map { GroupFold($0, objects: objects, observed: observed) }
        groups = workers.map(\.status)
        let isEmpty = workers.isEmpty
        isDormant = !isEmpty && workers.allSatisfy(\.isDormant)
        let stuck = stoppedRollouts.sorted { $0.key < $1.key }.map { profile, ordinal in
            "\(profile): the new version crashes and was stopped at worker \(ordinal)"
        }
        stuckRollout = stuck.isEmpty ? nil : stuck.joined(separator: "; ")

        let lacking = workers.filter { !$0.isAvailable }
        if let first = lacking.first {
            workersAvailable = Verdict(
                .false, first.reason,
                (lacking.map(\.explanation) + [refusal].compactMap(\.self)).joined(separator: "; "))
        } else if isDormant {
            workersAvailable = Verdict(.true, .scaledToZero, "all groups are at zero")
        } else {
            let total = workers.reduce(0) { $0 + ($1.status.readyReplicas ?? 0) }
            workersAvailable = Verdict(
                .true, .allReady, isEmpty ? "the workers come from elsewhere" : "\(total) workers are ready")
        }
        autoscalingReady = Self.autoscaling(workers, hasKEDA: observed.served.contains(.scaledObject))
    }

    private static func advertised(
        _ bundle: SIEBundle, _ definition: BundleDefinition, _ advertisement: BundleAdvertisement, now: Timestamp
    ) -> Verdict {
        switch advertisement {
        case _ where advertisement.matches(definition):
            return Verdict(.true, .matches, "the config service has \(definition.name)")
        case .unavailable(let problem):
            return Verdict(.unknown, .configServiceUnavailable, "the config service does not tell: \(problem)")
        case .answered(let other):
            let what = other == nil ? "does not know \(definition.name)" : "has another \(definition.name)"
            let before = bundle.status?.conditions[.advertised]
            let since = before.flatMap { $0.status == .false ? $0.lastTransitionTime.secondsSince1970 : nil }
            let isSame = bundle.status?.definition?.sha256 == definition.sha256
            guard isSame, let since, now.secondsSince1970 - since >= longestPropagation else {
                return Verdict(.false, .hashPending, "the config service \(what) yet")
            }
            return Verdict(
                .false, .restartRequired,
                "the config service \(what), \(longestPropagation) s after the definition changed: one that reads "
                    + "bundles only at its start has to be restarted")
        }
    }

    private static func autoscaling(_ workers: [GroupFold], hasKEDA: Bool) -> Verdict {
        let scaled = workers.filter(\.wantsKEDA)
        if scaled.isEmpty { return Verdict(.false, .disabled, "no group is scaled by KEDA") }
        guard hasKEDA else {
            return Verdict(
                .false, .kedaNotInstalled, "the cluster has no ScaledObjects: workers stay at minReplicas")
        }
        let unready = scaled.filter { $0.scaler?.isReady != true }
        if !unready.isEmpty {
            let text = unready.map { "\($0.profile): \($0.scaler?.message ?? "KEDA has not said anything yet")" }
            return Verdict(.false, .scaledObjectNotReady, text.joined(separator: "; "))
        }
        let fallback = scaled.filter { $0.scaler?.isFallback == true }.map(\.profile)
        if !fallback.isEmpty {
            return Verdict(
                .false, .scalerFallback, "KEDA does not learn the demand of \(fallback.joined(separator: ", "))")
        }
        return Verdict(.true, .ready, "KEDA scales \(scaled.map(\.profile).joined(separator: ", "))")
    }
}

/// What is so of one group.
struct GroupFold {
    let profile: String
    let status: SIEBundle.Group
    /// Whether as many workers are ready as there have to be.
    let isAvailable: Bool
    /// Whether there is none, and none is wanted.
    let isDormant: Bool
    let wantsKEDA: Bool
    let scaler: ScaledObjectState?
    /// Why it is not available.
    let reason: BundleReason
    let explanation: String

    init(_ group: SIEBundle.WorkerGroup, objects: WorkerObjects, observed: BundleObservation) {
        profile = group.machineProfile
        let name = objects.names.statefulSet(profile)
        let workers = observed.workers(name)
        wantsKEDA = group.scaling.engine == .externalPush || group.scaling.engine == .prometheus
        let scaledObject = wantsKEDA ? observed[.scaledObject, objects.names.scaledObject(profile)] : nil
        scaler = scaledObject.map { ScaledObjectState($0) }

        let wanted = workers?.wanted ?? group.minReplicas
        let ready = workers?.ready ?? 0
        // One more that is still coming does not make those unavailable that are there.
        let needed = max(group.minReplicas, wanted > 0 ? 1 : 0)
        isDormant = workers != nil && wanted == 0 && group.minReplicas == 0
        isAvailable = workers != nil && ready >= needed
        let trouble = observed.pods.filter { $0.machineProfile == group.machineProfile }.compactMap(\.trouble).first
        switch trouble {
        case _ where isAvailable: (reason, explanation) = (.allReady, "")
        case .unschedulable(let text): (reason, explanation) = (.unschedulable, "\(profile): \(text)")
        case .imagePullFailed(let text): (reason, explanation) = (.imagePullFailed, "\(profile): \(text)")
        case .crashLoop(let text): (reason, explanation) = (.crashLoop, "\(profile): \(text)")
        case nil:
            let text = workers == nil ? "there are none yet" : "\(ready) of \(needed) are ready"
            (reason, explanation) = (.progressing, "\(profile): \(text)")
        }

        var status = SIEBundle.Group(machineProfile: profile)
        status.statefulSet = workers == nil ? nil : name
        status.replicas = workers?.replicas
        status.readyReplicas = workers?.ready
        status.updatedReplicas = workers?.updated
        status.scaledObject = scaledObject == nil ? nil : objects.names.scaledObject(profile)
        status.active = scaler?.isActive
        status.fallback = scaler?.isFallback
        if !isAvailable { status.message = String(decoding: explanation.utf8.prefix(512), as: UTF8.self) }
        self.status = status
    }
}

extension SIEBundle {
    package typealias Definition = Status.Definition
    package typealias Group = Status.Group
}
