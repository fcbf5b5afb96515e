import Kubernetes

/// Writes a bundle's status from what was found, by the rules that ``ModelStatusWriter`` keeps to: the outcome and its
/// generation together, Reconciling and Stalled never both, and one of them wherever Ready is false.
package struct BundleStatusWriter: Sendable {
    /// After how long what does not come about counts as stalled.
    package static let deadlineSeconds: Int64 = 600
    /// For how long a bundle that was ready stays so with too few workers: nodes come and go.
    package static let dampingSeconds: Int64 = 60

    private let generation: Int?
    private let reconcileRequest: String?
    private let now: Timestamp
    private var status: SIEBundle.Status
    private let hadOutcomeOfGeneration: Bool

    /// - Parameter bundle: as it was read: times, and whatever nothing is said of, stay.
    package init(_ bundle: SIEBundle, now: Timestamp) {
        generation = bundle.metadata.generation
        reconcileRequest = bundle.metadata.annotations[SIEGroup.reconcileAtAnnotation]
        self.now = now
        status = bundle.status ?? SIEBundle.Status()
        status.bundleName = bundle.bundleName ?? status.bundleName
        hadOutcomeOfGeneration = bundle.status?.observedGeneration == bundle.metadata.generation
    }

    /// The status before anything was done: nobody may take the bundle for ready.
    package func begun() -> SIEBundle.Status {
        written {
            let text = "the definition is being published"
            $0.set(.ready, .unknown, .progressing, text)
            $0.wait(.progressing, text)
        }
    }

    /// The status of a bundle that is left alone.
    package func suspended() -> SIEBundle.Status {
        written {
            $0.set(.ready, .unknown, .suspended, "the object is suspended")
            $0.status.conditions.remove(.reconciling)
            $0.status.conditions.remove(.stalled)
        }
    }

    /// The status of a spec that breaks a rule.
    package func invalid(_ issues: [SpecIssue]) -> SIEBundle.Status {
        written { $0.stall(.invalidSpec, issues.map(\.description).joined(separator: "; ")) }
    }

    /// The status of a bundle whose name another, older object has.
    package func duplicate(of other: ObjectKey, bundleName: String) -> SIEBundle.Status {
        written {
            let text = "\(other) is older and is the bundle \(bundleName), too"
            $0.set(.definitionPublished, .false, .conflictingOwner, text)
            $0.stall(.duplicateBundleName, text)
        }
    }

    /// The status of a bundle on its way out.
    package func terminating(_ message: String) -> SIEBundle.Status {
        written {
            $0.set(.ready, .false, .terminating, message)
            $0.status.conditions.remove(.stalled)
            $0.set(.reconciling, .true, .terminating, message)
        }
    }

    /// The status after a look at everything.
    ///
    /// - Parameters:
    ///   - obstacles: what only somebody else can take out of the way.
    ///   - modelCount: how many models the bundle can serve.
    package func outcome(
        _ fold: BundleFold, obstacles: [BundlePlan.Obstacle] = [], modelCount: Int? = nil
    ) -> SIEBundle.Status {
        written { $0.record(fold, obstacles, modelCount) }
    }

    // MARK: Parts

    private mutating func record(_ fold: BundleFold, _ obstacles: [BundlePlan.Obstacle], _ modelCount: Int?) {
        let wasAdvertised = status.definition?.sha256 == fold.definition.sha256 && status.definition?.advertised == true
        let wasReady = hadOutcomeOfGeneration && status.conditions.isTrue(.ready)
        status.definition = fold.definition
        status.groups = fold.groups.isEmpty ? nil : fold.groups
        status.replicas = fold.groups.reduce(0) { $0 + ($1.replicas ?? 0) }
        status.readyReplicas = fold.groups.reduce(0) { $0 + ($1.readyReplicas ?? 0) }
        status.modelCount = modelCount ?? status.modelCount
        set(.definitionPublished, fold.definitionPublished)
        set(.advertised, fold.advertised)
        set(.workersAvailable, fold.workersAvailable)
        set(.autoscalingReady, fold.autoscalingReady)

        // The config service is not needed to serve: what it told before counts while it is away.
        let isAdvertised =
            fold.advertised.state == .true || (fold.advertised.state == .unknown && wasAdvertised)
        if let obstacle = obstacles.first {
            let text = obstacles.map(\.description).joined(separator: "; ")
            stall(obstacle.reason, text)
        } else if fold.definitionPublished.state != .true {
            notReady(.definitionNotAdvertised, fold.definitionPublished.message)
        } else if !isAdvertised {
            notReady(.definitionNotAdvertised, fold.advertised.message)
        } else if let stuck = fold.stuckRollout {
            notReady(.rolloutStuck, stuck)
        } else if fold.workersAvailable.state != .true {
            // Nothing is said of it for a while, unless it was not ready anyway.
            if wasReady, dampedSeconds != nil { return }
            notReady(.workersUnavailable, fold.workersAvailable.message)
        } else if fold.autoscalingReady.reason == .scaledObjectNotReady {
            notReady(.scalerNotReady, fold.autoscalingReady.message)
        } else if fold.isDormant {
            become(.dormant, "all groups are at zero by choice")
        } else {
            become(.available, fold.workersAvailable.message)
        }
    }

    /// How long a bundle may still lack workers before that makes it not ready; nil where it does not lack any, or has for
    /// too long.
    private var dampedSeconds: Int64? { Self.dampedSeconds(status, now: now) }

    package static func dampedSeconds(_ status: SIEBundle.Status, now: Timestamp) -> Int64? {
        guard let condition = status.conditions[.workersAvailable], condition.status == .false else { return nil }
        let left = condition.lastTransitionTime.secondsSince1970 + dampingSeconds - now.secondsSince1970
        return left > 0 ? left : nil
    }

    private mutating func become(_ reason: BundleReason, _ message: String) {
        set(.ready, .true, reason, message)
        status.conditions.remove(.reconciling)
        status.conditions.remove(.stalled)
    }

    private mutating func notReady(_ reason: BundleReason, _ message: String) {
        set(.ready, .false, reason, message)
        wait(reason, message)
    }

    /// Says that the operator works on it, or, once that has taken too long, that it is stalled. It goes on either way.
    private mutating func wait(_ reason: BundleReason, _ message: String) {
        let stalled = status.conditions[.stalled]
        let since = status.conditions[.reconciling]?.lastTransitionTime
        let isOverdue =
            hadOutcomeOfGeneration
            && (stalled?.reason == BundleReason.progressDeadlineExceeded.rawValue
                || since.map { now.secondsSince1970 - $0.secondsSince1970 >= Self.deadlineSeconds } ?? false)
        if isOverdue {
            status.conditions.remove(.reconciling)
            let text = "not ready within \(Self.deadlineSeconds) s, still trying: \(message)"
            set(.stalled, .true, .progressDeadlineExceeded, text)
        } else {
            if !hadOutcomeOfGeneration { status.conditions.remove(.reconciling) }
            status.conditions.remove(.stalled)
            set(.reconciling, .true, reason, message)
        }
    }

    private mutating func stall(_ reason: BundleReason, _ message: String) {
        status.conditions.remove(.reconciling)
        // The same word in both: it is the one that `kubectl get` shows.
        set(.ready, .false, reason, message)
        set(.stalled, .true, reason, message)
    }

    private mutating func set(_ type: ConditionType, _ verdict: BundleFold.Verdict) {
        set(type, verdict.state, verdict.reason, verdict.message)
    }

    private mutating func set(
        _ type: ConditionType, _ state: Condition.State, _ reason: BundleReason, _ message: String
    ) {
        status.conditions.set(type, state, reason: reason, message: message, generation: generation, now: now)
    }

    private func written(_ body: (inout Self) -> Void) -> SIEBundle.Status {
        var writer = self
        body(&writer)
        writer.status.observedGeneration = generation
        if let reconcileRequest { writer.status.lastHandledReconcileAt = reconcileRequest }
        return writer.status
    }
}

extension BundlePlan.Obstacle: CustomStringConvertible {
    /// As the condition Stalled says it.
    package var reason: BundleReason {
        switch self {
        case .adaptersInUse: .adaptersInUse
        case .definitionTooLarge, .foreignObject, .immutableField, .overlay: .invalidSpec
        }
    }

    /// What it means for the condition DefinitionPublished; nil where the definition is not concerned.
    package var publication: BundleFold.Verdict? {
        switch self {
        case .adaptersInUse: .init(.false, .adaptersInUse, "the published definition stays: \(description)")
        case .definitionTooLarge: .init(.false, .tooLarge, description)
        case .foreignObject, .immutableField, .overlay: nil
        }
    }

    package var description: String {
        switch self {
        case .adaptersInUse(let models):
            models.sorted { $0.key < $1.key }.map { adapter, models in
                "\(adapter) is the only route of \(models.prefix(5).joined(separator: ", "))"
            }.joined(separator: "; ")
        case .definitionTooLarge(let bytes):
            "all definitions together would have \(bytes) bytes, of \(BundleDefinition.longestTotalBytes) that fit"
        case .foreignObject(let kind, let name):
            "\(kind.rawValue) \(name) belongs to somebody else; \(SIEGroup.adoptAnnotation): \"true\" on it offers it"
        case .immutableField(let kind, let name, let field):
            "\(field) of \(kind.rawValue) \(name) cannot change; \(SIEGroup.allowRecreateAnnotation): \"true\" on the "
                + "bundle has it made anew around its pods"
        case .overlay(let profile, let issue): "podTemplateOverrides of \(profile): \(issue)"
        }
    }
}
