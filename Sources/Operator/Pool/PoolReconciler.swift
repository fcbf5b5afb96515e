import FoundationEssentials
import Kubernetes
import Logging
import Observability
import Synchronization

/// Makes one SIEPool so: does what a ``PoolReconciliation`` asks for, and says in the object's status what came of it. It
/// remembers nothing that a restart would miss but how often something happened of late.
package struct PoolReconciler: Sendable {
    /// What the reconciler works with.
    package struct Parts: Sendable {
        package var client: KubernetesClient
        package var fleet: GatewayFleet
        package var prober: GatewayProber
        package var events: EventRecorder
        package var ages: PoolAges
        /// Leases taken back from gateways.
        package var takeovers: Counter
        package var finalizerTimeouts: Counter
        /// After how long a deleted pool goes although something could not be undone.
        package var finalizerSeconds: Int64
        /// This process's name in the pools' Leases; begins with ``PoolObjects/holderPrefix``.
        package var holder: String
        /// The object as the informer has it; nil where there is none.
        package var find: @Sendable (ObjectKey) -> SIEPool?
        /// All SIEBundles of a namespace.
        package var bundles: @Sendable (String?) -> [SIEBundle]
        /// In Unix seconds.
        package var now: @Sendable () -> Double

        package init(
            client: KubernetesClient, fleet: GatewayFleet, prober: GatewayProber, events: EventRecorder,
            ages: PoolAges, takeovers: Counter, finalizerTimeouts: Counter,
            finalizerSeconds: Int64 = PoolFinalization.deadlineSeconds, holder: String,
            find: @escaping @Sendable (ObjectKey) -> SIEPool?,
            bundles: @escaping @Sendable (String?) -> [SIEBundle],
            now: @escaping @Sendable () -> Double = { Date.now.timeIntervalSince1970 }
        ) {
            self.client = client
            self.fleet = fleet
            self.prober = prober
            self.events = events
            self.ages = ages
            self.takeovers = takeovers
            self.finalizerTimeouts = finalizerTimeouts
            self.finalizerSeconds = finalizerSeconds
            self.holder = holder
            self.find = find
            self.bundles = bundles
            self.now = now
        }
    }

    /// How long to wait for gateways and workers at most before looking again.
    private static let longestWait = Duration.seconds(30)

    private let parts: Parts
    private let waits = RetryWaits()
    private let incidents: IncidentLog
    private let signs = PoolSigns()
    private let start = ContinuousClock.now

    package init(_ parts: Parts) {
        self.parts = parts
        incidents = IncidentLog()
    }

    /// Looks at one object and does what is to be done now.
    package func reconcile(_ key: ObjectKey, _ logger: Logger) async throws -> ReconcileResult {
        guard let pool = parts.find(key) else {
            forget(key)
            return .done
        }
        let resources = parts.client.resources(SIEPool.self, in: key.namespace)
        let store = PoolStore(parts.client, namespace: key.namespace)
        if pool.isTerminating {
            forget(key)
            let finalizer = PoolFinalizer(
                store, ObjectRelease(parts.events, timeouts: parts.finalizerTimeouts),
                deadlineSeconds: parts.finalizerSeconds, probe: probe)
            return try await finalizer.finalize(pool, in: resources, now: time)
        }
        var written = WrittenObject(pool, resources)
        var reconciliation = PoolReconciliation(
            pool, holder: parts.holder, jitter: .random(in: 0...1), now: parts.now())
        var action = reconciliation.start()
        while true {
            try Task.checkCancellation()
            switch action {
            case .finish(let status, let after):
                tell(reconciliation.incidents, of: pool)
                if let name = pool.poolName {
                    parts.ages.renewed(key, pool: name, at: reconciliation.renewedAt)
                }
                try await tell(written.write(status), of: pool)
                return result(key, after)
            case .write(let status):
                try await tell(written.write(status), of: pool)
                action = try reconciliation.handle(.written)
            case .addFinalizer:
                try await written.addFinalizer()
                action = try reconciliation.handle(.written)
            case .wait(let conflicts):
                try await Task.sleep(for: Self.wait(afterConflicts: conflicts))
                action = try reconciliation.handle(.waited)
            case .probe(let name): action = try reconciliation.handle(.probed(await probe(name, time)))
            case .read, .writeConfigMap, .writeLease, .remove, .deleteObject:
                action = try reconciliation.handle(try await perform(action, of: pool, store, resources))
            }
        }
    }

    // MARK: Doing

    private func perform(
        _ action: PoolReconciliation.Action, of pool: SIEPool, _ store: PoolStore, _ resources: Resources<SIEPool>
    ) async throws -> PoolReconciliation.Event {
        do throws(KubernetesError) {
            switch action {
            case .read(let name, let withProfiles):
                let live = try await store.read(name)
                let unchanged = signs.unchangedSeconds(pool.key, live, now: start.duration(to: .now))
                var profiles: KnownProfiles?
                if withProfiles {
                    profiles = KnownProfiles(
                        bundles: parts.bundles(pool.metadata.namespace), defaultPool: try await store.defaultPool())
                }
                return .live(live, profiles: profiles, now: parts.now(), unchangedSeconds: unchanged)
            case .writeConfigMap(let write): return Self.event(try await store.write(write))
            case .writeLease(let write): return Self.event(try await store.write(write))
            case .remove(let live):
                switch try await store.remove(live, atVersion: true) {
                case .written: return .removed
                case .conflict: return .conflict
                }
            case .deleteObject:
                try await delete(pool, resources)
                return .written
            case .write, .addFinalizer, .wait, .probe, .finish: return .written
            }
        } catch {
            if error.isCancellation { throw error }
            return .failed("\(error)")
        }
    }

    private static func event(_ outcome: PoolStore.Outcome) -> PoolReconciliation.Event {
        switch outcome {
        case .written: .written
        case .conflict: .conflict
        }
    }

    private func delete(_ pool: SIEPool, _ resources: Resources<SIEPool>) async throws(KubernetesError) {
        do throws(KubernetesError) {
            try await resources.delete(pool.metadata.name ?? "", DeleteOptions(uid: pool.metadata.uid))
        } catch {
            // Another one of its name is not meant.
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    /// From 100 ms, half as long again each time, at most 5 s, give or take a fifth.
    private static func wait(afterConflicts count: Int) -> Duration {
        var wait = Duration.milliseconds(100)
        for _ in 0..<max(0, count - 1) { wait = min(wait * 1.5, .seconds(5)) }
        return wait * Double.random(in: 0.8...1.2)
    }

    // MARK: Asking

    private func probe(_ pool: String, _ now: Timestamp) async -> [PoolReport] {
        let replicas = parts.fleet.replicas.filter(\.isReady)
        let readySince = parts.fleet.readySince
        let answers = await parts.prober.ask(replicas, aboutPool: pool)
        return replicas.map { replica in
            PoolReport(
                pod: replica.pod, readySince: readySince[replica.id] ?? now,
                answer: answers[replica.id] ?? .unreachable(problem: "not asked"))
        }
    }

    private var time: Timestamp {
        Timestamp(secondsSince1970: Int64(exactly: parts.now().rounded(.down)) ?? 0)
    }

    // MARK: Telling

    private func tell(_ change: WrittenObject<SIEPool>.Change?, of pool: SIEPool) {
        guard let change else { return }
        record(PoolEvents.events(from: change.before?.conditions, to: change.after.conditions), of: pool)
    }

    private func tell(_ all: [PoolReconciliation.Incident], of pool: SIEPool) {
        for case .takenOver in all { parts.takeovers.increment() }
        record(incidents.note(all, of: pool.key), of: pool)
    }

    private func record(_ all: [Told], of pool: SIEPool) {
        for told in all {
            parts.events.record(pool.reference, told.type, reason: told.reason, action: "Reconcile", note: told.note)
        }
    }

    // MARK: Coming back

    private func result(_ key: ObjectKey, _ after: PoolReconciliation.Return) -> ReconcileResult {
        if case .soon(let seconds) = after {
            return .requeueAfter(min(waits.next(key, cap: Self.longestWait), .seconds(seconds)))
        }
        waits.forget(key)
        switch after {
        case .never: return .done
        case .withBackoff, .soon: return .requeue
        case .afterSeconds(let seconds): return .requeueAfter(.seconds(seconds))
        }
    }

    private func forget(_ key: ObjectKey) {
        waits.forget(key)
        incidents.forget(key)
        signs.forget(key)
        parts.ages.forget(key)
    }
}

/// What happened of late, by pools.
private final class IncidentLog: Sendable {
    private let start = ContinuousClock.now
    private let pools = Mutex<[ObjectKey: PoolIncidents]>([:])

    func note(_ all: [PoolReconciliation.Incident], of key: ObjectKey) -> [Told] {
        guard !all.isEmpty else { return [] }
        let now = start.duration(to: .now) / .seconds(1)
        return pools.withLock { $0[key, default: PoolIncidents()].note(all, now: now) }
    }

    func forget(_ key: ObjectKey) { pools.withLock { $0[key] = nil } }
}
