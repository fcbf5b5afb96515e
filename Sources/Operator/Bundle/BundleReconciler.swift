import FoundationEssentials
import Kubernetes
import Logging
import Observability

/// Makes one SIEBundle so: looks at what there is, does what a ``BundlePlan`` asks for, looks again until nothing is left
/// to do, and says in the object's status what came of it. It remembers nothing that a restart would miss.
package struct BundleReconciler: Sendable {
    /// What the reconciler works with.
    package struct Parts: Sendable {
        package var client: KubernetesClient
        package var config: ConfigServiceClient
        package var events: EventRecorder
        package var installation: Installation
        /// Counts deleted bundles that went before their objects had.
        package var finalizerTimeouts: Counter
        /// After how long such a bundle goes, beyond its workers' own time.
        package var finalizerSeconds: Int64
        /// The object as the informer has it; nil where there is none.
        package var find: @Sendable (ObjectKey) -> SIEBundle?
        /// All bundles that are known.
        package var bundles: @Sendable () -> [SIEBundle]
        /// All models that are known.
        package var models: @Sendable () -> [SIEModel]
        /// How many items wait for a bundle's workers; nil where nobody tells.
        package var queuedItems: @Sendable (_ bundle: String) -> Int?
        /// Restarts a config service that reads bundles only at its start; nil where that is nobody's wish.
        package var restart: ConfigServiceRestart?

        package init(
            client: KubernetesClient, config: ConfigServiceClient, events: EventRecorder, installation: Installation,
            finalizerTimeouts: Counter, finalizerSeconds: Int64 = BundleDrain.deadlineSeconds,
            find: @escaping @Sendable (ObjectKey) -> SIEBundle?,
            bundles: @escaping @Sendable () -> [SIEBundle],
            models: @escaping @Sendable () -> [SIEModel] = { [] },
            queuedItems: @escaping @Sendable (String) -> Int? = { _ in nil }, restart: ConfigServiceRestart? = nil
        ) {
            self.client = client
            self.config = config
            self.events = events
            self.installation = installation
            self.finalizerTimeouts = finalizerTimeouts
            self.finalizerSeconds = finalizerSeconds
            self.find = find
            self.bundles = bundles
            self.models = models
            self.queuedItems = queuedItems
            self.restart = restart
        }
    }

    /// When a bundle that is as it should be is looked at again, with some jitter.
    package static let steadySeconds = 600
    /// The most looks of one reconcile: creating a group takes three. What goes on changing is left to the queue.
    private static let mostLooks = 6

    private let parts: Parts
    private let observer: BundleObserver
    private let waits = RetryWaits()

    package init(_ parts: Parts) {
        self.parts = parts
        observer = BundleObserver(parts.client, parts.config, demand: parts.queuedItems)
    }

    /// Looks at one object and does what is to be done now.
    package func reconcile(_ key: ObjectKey, _ logger: Logger) async throws -> ReconcileResult {
        guard let bundle = parts.find(key) else {
            waits.forget(key)
            return .done
        }
        let now = Timestamp(secondsSince1970: Int64(Date.now.timeIntervalSince1970))
        let resources = parts.client.resources(SIEBundle.self, in: key.namespace)
        if bundle.isTerminating { return try await drain(bundle, resources, now: now) }

        var written = WrittenObject(bundle, resources)
        let writer = BundleStatusWriter(bundle, now: now)
        if bundle.isSuspended { return try await finish(&written, bundle, writer.suspended(), .done) }
        let issues = bundle.issues()
        guard issues.isEmpty, let spec = bundle.spec.value,
            let objects = WorkerObjects(bundle, installation: parts.installation)
        else { return try await finish(&written, bundle, writer.invalid(issues), steady) }
        let siblings = parts.bundles().filter { $0.metadata.namespace == key.namespace }
        if let other = bundle.duplicated(among: siblings) {
            let status = writer.duplicate(of: other, bundleName: bundle.bundleName ?? "")
            return try await finish(&written, bundle, status, steady)
        }
        // Before anything goes out, nobody may take a new object for one that is done.
        if bundle.status?.conditions[.ready] == nil { try await tell(written.write(writer.begun()), of: bundle) }
        try await written.addFinalizer()

        let defaultElsewhere = bundle.defaultElsewhere(among: siblings)
        if let defaultElsewhere, bundle.status?.observedGeneration != bundle.metadata.generation {
            parts.events.record(
                bundle.reference, .warning, reason: "DefaultBundleConflict", action: "Reconcile",
                note: "\(defaultElsewhere) is older and is the default bundle")
        }
        let isDefault = spec.default && defaultElsewhere == nil
        let outcome = try await converge(bundle, objects, isDefault: isDefault, siblings: siblings, now: now)
        let definition = BundleDefinition(
            name: bundle.bundleName ?? "", priority: spec.priority, isDefault: isDefault, adapters: spec.adapters)
        let fold = BundleFold(
            bundle, spec, definition: definition, objects: objects, observed: outcome.observed,
            publication: outcome.publication ?? outcome.plan?.obstacles.lazy.compactMap(\.publication).first,
            refusal: outcome.refusal?.description, stoppedRollouts: outcome.plan?.stoppedRollouts ?? [:],
            bundlesHash: await parts.config.epoch()?.bundlesHash, now: now)
        if fold.advertised.reason == .restartRequired {
            await restartConfigService(for: bundle, files: outcome.observed.files, logger)
        }
        // What was read last: the finalizer and the first status have changed the object meanwhile.
        let status = BundleStatusWriter(SIEBundle(bundle, status: written.status), now: now).outcome(
            fold, obstacles: outcome.plan?.obstacles ?? [], modelCount: bundle.modelCount(among: parts.models()))
        let result = try await finish(&written, bundle, status, result(key, status, now: now))
        if let refusal = outcome.refusal { throw refusal }
        return result
    }

    // MARK: Looking and acting

    private struct Outcome {
        var observed: BundleObservation
        var plan: BundlePlan?
        var publication: BundleFold.Verdict?
        /// What the API server did not take: told in the status, then thrown, so that it is tried again.
        var refusal: KubernetesError?
    }

    private func converge(
        _ bundle: SIEBundle, _ objects: WorkerObjects, isDefault: Bool, siblings: [SIEBundle], now: Timestamp
    ) async throws -> Outcome {
        let places = try await observer.places()
        let actor = BundleActor(parts.client, places, namespace: bundle.metadata.namespace)
        // Single pods are of interest only where something is missing, or on its way.
        let wasSettled =
            bundle.status?.conditions.isTrue(.workersAvailable) == true
            && (bundle.status?.groups ?? []).allSatisfy { $0.updatedReplicas == $0.replicas }
        var outcome = Outcome(observed: BundleObservation())
        var before: [BundleAction] = []
        for look in 1...Self.mostLooks {
            try Task.checkCancellation()
            var observed = try await observer.look(
                at: bundle, objects, in: places, asksForPods: !wasSettled, now: now)
            observed.adaptersInUse = adaptersInUse(bundle, objects, observed, siblings)
            outcome.observed = observed
            outcome.plan = BundlePlan(bundle, isDefault: isDefault, objects: objects, observed: observed, now: now)
            // What has just been done and is asked for again, the server does not take: older ones drop fields.
            guard let actions = outcome.plan?.actions, !actions.isEmpty, actions != before, look < Self.mostLooks
            else { break }
            before = actions
            for action in actions {
                try Task.checkCancellation()
                do {
                    outcome.publication = try await perform(action, by: actor, of: bundle)
                } catch let error as KubernetesError where error.status != nil && !error.isConflict {
                    outcome.refusal = error
                    if case .publish = action { outcome.publication = .init(.false, .apiError, error.description) }
                }
                if outcome.publication != nil || outcome.refusal != nil { return outcome }
            }
        }
        return outcome
    }

    /// - Returns: why a definition was not taken: that is a finding and no failure.
    private func perform(
        _ action: BundleAction, by actor: BundleActor, of bundle: SIEBundle
    ) async throws -> BundleFold.Verdict? {
        do {
            try await actor.perform(action)
        } catch let error as KubernetesError {
            guard case .publish = action, error.isConflict, let status = error.status else { throw error }
            let owners = status.causes.compactMap(\.message).joined(separator: "; ")
            return .init(
                .false, .conflictingOwner, "somebody else has the file: \(owners.isEmpty ? status.message : owners)")
        }
        if case .apply(let kind, let name, _, .drifted(let field)) = action {
            parts.events.record(
                bundle.reference, .normal, reason: "DriftCorrected", action: "Apply",
                note: "\(kind.rawValue) \(name): somebody changed \(field)")
        }
        return nil
    }

    /// What a removal of adapters would leave without a route, by the definition that is published now.
    private func adaptersInUse(
        _ bundle: SIEBundle, _ objects: WorkerObjects, _ observed: BundleObservation, _ siblings: [SIEBundle]
    ) -> [String: [String]] {
        guard let text = observed.files[objects.names.definitionKey],
            let published = BundleDefinition.adapters(in: text)
        else { return [:] }
        let models = parts.models().filter { $0.metadata.namespace == bundle.metadata.namespace }
        return bundle.adaptersInUse(published: published, models: models, others: siblings)
    }

    /// What comes of it is seen at the next look; that it cannot be done does not keep the bundle from anything else.
    private func restartConfigService(for bundle: SIEBundle, files: [String: String], _ logger: Logger) async {
        guard let restart = parts.restart else { return }
        do throws(KubernetesError) {
            guard try await restart.restart(for: files, in: bundle.metadata.namespace) else { return }
            parts.events.record(
                bundle.reference, .normal, reason: "ConfigServiceRestarted", action: "Restart",
                note: "\(restart.deployment) is rolled, so that it reads the definitions")
        } catch {
            logger.warning("The config service cannot be restarted", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Deletion

    private func drain(
        _ bundle: SIEBundle, _ resources: Resources<SIEBundle>, now: Timestamp
    ) async throws -> ReconcileResult {
        let objects = WorkerObjects(bundle, installation: parts.installation)
        let places = try await observer.places()
        let actor = BundleActor(parts.client, places, namespace: bundle.metadata.namespace)
        var written = WrittenObject(bundle, resources)
        for _ in 1...Self.mostLooks {
            try Task.checkCancellation()
            var observed = BundleObservation()
            if let objects {
                observed = try await observer.look(at: bundle, objects, in: places, asksForPods: false, now: now)
            }
            switch BundleDrain.next(
                for: bundle, objects: objects, observed: observed, deadlineSeconds: parts.finalizerSeconds, now: now)
            {
            case .done: return .done
            case .act(let actions, let message):
                try await written.write(BundleStatusWriter(bundle, now: now).terminating(message))
                for action in actions { _ = try await perform(action, by: actor, of: bundle) }
            case .wait(let message, let seconds, let warning):
                try await written.write(BundleStatusWriter(bundle, now: now).terminating(message))
                if let warning {
                    parts.events.record(
                        bundle.reference, .warning, reason: warning, action: "Finalize", note: message)
                }
                return .requeueAfter(.seconds(seconds) * Double.random(in: 0.8...1.2))
            case .release(let note, let message):
                waits.forget(bundle.key)
                let release = ObjectRelease(parts.events, timeouts: parts.finalizerTimeouts)
                try await release.perform(on: bundle, in: resources, note, message: message)
                return .done
            }
        }
        return .requeue
    }

    // MARK: Ends

    private var steady: ReconcileResult {
        .requeueAfter(.seconds(Self.steadySeconds) * Double.random(in: 0.8...1.2))
    }

    private func result(_ key: ObjectKey, _ status: SIEBundle.Status, now: Timestamp) -> ReconcileResult {
        if let seconds = BundleStatusWriter.dampedSeconds(status, now: now) {
            return .requeueAfter(.seconds(min(seconds, 10)))
        }
        guard status.conditions.isTrue(.ready) || status.conditions[.stalled] != nil else {
            return .requeueAfter(waits.next(key, cap: .seconds(30)))
        }
        waits.forget(key)
        return steady
    }

    private func finish(
        _ written: inout WrittenObject<SIEBundle>, _ bundle: SIEBundle, _ status: SIEBundle.Status,
        _ result: ReconcileResult
    ) async throws -> ReconcileResult {
        try await tell(written.write(status), of: bundle)
        return result
    }

    private func tell(_ change: WrittenObject<SIEBundle>.Change?, of bundle: SIEBundle) {
        guard let change else { return }
        for event in BundleEvents.events(from: change.before, to: change.after) {
            parts.events.record(
                bundle.reference, event.type, reason: event.reason, action: "Reconcile", note: event.note)
        }
    }
}
