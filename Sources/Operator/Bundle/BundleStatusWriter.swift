import Kubernetes

/// Writes a bundle's status from what was found.
package struct BundleStatusWriter: StatusWriter {
    typealias Reason = BundleReason

    /// After how long what does not come about counts as stalled.
    package static let deadlineSeconds: Int64 = 600
    /// For how long a bundle that was ready stays so with too few workers: nodes come and go.
    package static let dampingSeconds: Int64 = 60

    let generation: Int?
    let reconcileRequest: String?
    let time: Timestamp
    var status: SIEBundle.Status
    let hadOutcomeOfGeneration: Bool

    var deadlineSeconds: Int64 { Self.deadlineSeconds }

    /// - Parameter bundle: as it was read: times, and whatever nothing is said of, stay.
    package init(_ bundle: SIEBundle, now: Timestamp) {
        generation = bundle.metadata.generation
        reconcileRequest = bundle.metadata.annotations[SIEGroup.reconcileAtAnnotation]
        time = now
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
        written { $0.leaveAlone() }
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
            refuse(.definitionNotAdvertised, fold.definitionPublished.message)
        } else if !isAdvertised {
            refuse(.definitionNotAdvertised, fold.advertised.message)
        } else if let stuck = fold.stuckRollout {
            refuse(.rolloutStuck, stuck)
        } else if fold.workersAvailable.state != .true {
            // Nothing is said of it for a while, unless it was not ready anyway.
            if wasReady, dampedSeconds != nil { return }
            refuse(.workersUnavailable, fold.workersAvailable.message)
        } else if fold.autoscalingReady.reason == .scaledObjectNotReady {
            refuse(.scalerNotReady, fold.autoscalingReady.message)
        } else if fold.isDormant {
            become(.dormant, "all groups are at zero by choice")
        } else {
            become(.available, fold.workersAvailable.message)
        }
    }

    /// How long a bundle may still lack workers before that makes it not ready; nil where it does not lack any, or has for
    /// too long.
    private var dampedSeconds: Int64? { Self.dampedSeconds(status, now: time) }

    package static func dampedSeconds(_ status: SIEBundle.Status, now: Timestamp) -> Int64? {
        guard let condition = status.conditions[.workersAvailable], condition.status == .false else { return nil }
        let left = condition.lastTransitionTime.secondsSince1970 + dampingSeconds - now.secondsSince1970
        return left > 0 ? left : nil
    }

    private mutating func set(_ type: ConditionType, _ verdict: BundleFold.Verdict) {
        set(type, verdict.state, verdict.reason, verdict.message)
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
