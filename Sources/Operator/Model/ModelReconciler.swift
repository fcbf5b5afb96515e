import FoundationEssentials
import Kubernetes
import Logging
import Observability

/// Makes one SIEModel so: does what a ``ModelReconciliation`` asks for, and says in the object's status what came of it. It
/// remembers nothing that a restart would miss.
package struct ModelReconciler: Sendable {
    /// What the reconciler works with.
    package struct Parts: Sendable {
        package var client: KubernetesClient
        package var config: ConfigServiceClient
        package var fleet: GatewayFleet
        package var prober: GatewayProber
        package var events: EventRecorder
        /// Counts deleted models that went although the config service could not be asked.
        package var finalizerTimeouts: Counter
        /// After how long such a model goes.
        package var finalizerSeconds: Int64
        /// The object as the informer has it; nil where there is none.
        package var find: @Sendable (ObjectKey) -> SIEModel?
        /// All objects with an object's model id.
        package var namesakes: @Sendable (SIEModel) -> [SIEModel]
        /// Whether a bundle that the config service does not tell yet may bring an object's adapters.
        package var awaitsBundles: @Sendable (SIEModel) -> Bool
        /// Knows which objects are looked at because of the gateway's replicas alone.
        package var fleetChecks: FleetChecks
        package var memory: ProbeMemory

        package init(
            client: KubernetesClient, config: ConfigServiceClient, fleet: GatewayFleet, prober: GatewayProber,
            events: EventRecorder, finalizerTimeouts: Counter,
            finalizerSeconds: Int64 = ModelFinalization.deadlineSeconds,
            find: @escaping @Sendable (ObjectKey) -> SIEModel?,
            namesakes: @escaping @Sendable (SIEModel) -> [SIEModel],
            awaitsBundles: @escaping @Sendable (SIEModel) -> Bool = { _ in false },
            fleetChecks: FleetChecks = FleetChecks(), memory: ProbeMemory = ProbeMemory()
        ) {
            self.client = client
            self.config = config
            self.fleet = fleet
            self.prober = prober
            self.events = events
            self.finalizerTimeouts = finalizerTimeouts
            self.finalizerSeconds = finalizerSeconds
            self.find = find
            self.namesakes = namesakes
            self.awaitsBundles = awaitsBundles
            self.fleetChecks = fleetChecks
            self.memory = memory
        }
    }

    /// When a model is looked at again that is routable, with replicas that have yet to learn of it.
    private static let startingSeconds = 5
    /// From how long on a wait is one of an object at rest.
    private static let restSeconds = 240
    /// The monitor asks more often.
    private static let epochAge = Duration.seconds(ConfigMonitor.intervalSeconds + 5)

    private let parts: Parts
    private let waits = RetryWaits()
    private let wakeups = SharedWakeups()

    package init(_ parts: Parts) { self.parts = parts }

    /// Looks at one object and does what is to be done now.
    package func reconcile(_ key: ObjectKey, _ logger: Logger) async throws -> ReconcileResult {
        let isFleetCheck = parts.fleetChecks.take(key)
        guard let model = parts.find(key) else {
            waits.forget(key)
            return .done
        }
        let now = Timestamp(secondsSince1970: Int64(Date.now.timeIntervalSince1970))
        let resources = parts.client.resources(SIEModel.self, in: key.namespace)
        if model.isTerminating {
            waits.forget(key)
            if let id = model.spec.value?.modelID { parts.memory.forget(modelID: id) }
            let finalizer = ModelFinalizer(
                parts.config, ObjectRelease(parts.events, timeouts: parts.finalizerTimeouts),
                deadlineSeconds: parts.finalizerSeconds)
            return try await finalizer.finalize(model, in: resources, now: now)
        }
        var written = WrittenObject(model, resources)
        var reconciliation = ModelReconciliation(
            model, duplicate: model.duplicated(among: parts.namesakes(model)),
            awaitsBundles: parts.awaitsBundles(model), isFleetCheck: isFleetCheck, now: now)
        var action = reconciliation.start()
        while true {
            try Task.checkCancellation()
            switch action {
            case .finish(let status, let after):
                try await tell(written.write(status), of: model)
                return result(key, after, status)
            case .write(let status):
                try await tell(written.write(status), of: model)
                action = try reconciliation.handle(.written)
            case .post(let payload, let idempotencyKey, let isRepair):
                // Before the first effect outside of the object.
                if ModelFinalization.wantsFinalizer(model) { try await written.addFinalizer() }
                let answer = await parts.config.register(
                    payload.bytes, idempotencyKey: idempotencyKey, isRepair: isRepair)
                try Task.checkCancellation()
                let outcome = RegistrationOutcome(answer, url: parts.config.modelsURL)
                tell(outcome, of: model)
                action = try reconciliation.handle(.answered(outcome))
            case .fetchModel(let id): action = try reconciliation.handle(await document(of: id))
            case .readToken:
                // The token's file is read for every request.
                action = try reconciliation.handle(.tokenRead)
            case .fetchEpoch(let isNew):
                let age = isNew ? Duration.zero : Self.epochAge
                action = try reconciliation.handle(.epoch(await parts.config.epoch(notOlderThan: age)?.epoch))
            case .probe(let id):
                let reports = await probe(id, knownFrom: isFleetCheck ? model : nil, now: now)
                action = try reconciliation.handle(.probed(reports))
            }
        }
    }

    // MARK: Asking

    private func document(of modelID: String) async -> ModelReconciliation.Event {
        switch await parts.config.model(modelID) {
        case .found(let document): .model(document)
        case .absent: .model(nil)
        case .failed(let answer): .unanswered(RegistrationOutcome(answer, url: parts.config.modelsURL))
        }
    }

    /// - Parameter model: whose replicas need not be asked again that have routed it; nil to ask all.
    private func probe(_ modelID: String, knownFrom model: SIEModel?, now: Timestamp) async -> [ReplicaReport] {
        let replicas = parts.fleet.replicas
        let readySince = parts.fleet.readySince
        let ready = replicas.filter(\.isReady)
        var answers: [String: ReplicaReport.Answer] = [:]
        let remembered = parts.memory.answers(about: modelID)
        if let model {
            let doubted = Set((model.status?.gateways?.notReady ?? []).map(\.pod))
            for replica in ready where !doubted.contains(replica.pod) { answers[replica.id] = remembered[replica.id] }
        }
        let asked = await parts.prober.ask(ready.filter { answers[$0.id] == nil }, about: modelID)
        parts.memory.remember(asked, about: modelID)
        answers.merge(asked) { _, new in new }
        return replicas.map { replica in
            ReplicaReport(
                pod: replica.pod, isReady: replica.isReady, readySince: readySince[replica.id] ?? now,
                answer: answers[replica.id] ?? .unreachable(problem: "not asked"),
                hasKnown: remembered[replica.id] != nil)
        }
    }

    // MARK: Telling

    private func tell(_ change: WrittenObject<SIEModel>.Change?, of model: SIEModel) {
        guard let change else { return }
        for event in ModelEvents.events(from: change.before?.conditions, to: change.after.conditions) {
            parts.events.record(
                model.reference, event.type, reason: event.reason, action: "Reconcile", note: event.note)
        }
    }

    /// Gateways that missed the message catch up by themselves.
    private func tell(_ outcome: RegistrationOutcome, of model: SIEModel) {
        guard case .registered(let receipt) = outcome else { return }
        for warning in receipt.warnings {
            parts.events.record(
                model.reference, .warning, reason: "PartialPublish", action: "Register", note: warning)
        }
    }

    // MARK: Coming back

    private func result(
        _ key: ObjectKey, _ after: ModelReconciliation.Return, _ status: SIEModel.Status
    ) -> ReconcileResult {
        let isReady = status.conditions.isTrue(.ready)
        switch after {
        case .never:
            waits.forget(key)
            return .done
        case .withBackoff(let seconds):
            // Gateways poll every half a minute; the config service may be away for longer.
            let cap = status.conditions.isTrue(.registered) ? Duration.seconds(30) : .seconds(60)
            return .requeueAfter(max(waits.next(key, cap: cap), .seconds(min(seconds ?? 0, 300))))
        case .afterSeconds(let seconds):
            waits.forget(key)
            let isStarting = isReady && status.gateways?.notReady?.isEmpty == false
            let base = isStarting ? Self.startingSeconds : seconds
            // Only those are asked again that may have learned of it.
            if isStarting { parts.fleetChecks.add([key]) }
            guard base >= Self.restSeconds else {
                return .requeueAfter(.seconds(base) * Double.random(in: 0.8...1.2))
            }
            // The wake-up may come an interval later.
            let latest = 1.2 - SharedWakeups.interval / .seconds(base)
            return .requeueAfter(wakeups.wait(.seconds(base) * Double.random(in: 0.8...latest)))
        }
    }
}
