import Kubernetes

/// Lets a deleted pool go, as ``PoolFinalization`` has it.
struct PoolFinalizer: Sendable {
    private let store: PoolStore
    private let release: ObjectRelease
    private let deadlineSeconds: Int64
    /// Asks every ready replica of the gateway for a pool.
    private let probe: @Sendable (String, Timestamp) async -> [PoolReport]

    init(
        _ store: PoolStore, _ release: ObjectRelease, deadlineSeconds: Int64,
        probe: @escaping @Sendable (String, Timestamp) async -> [PoolReport]
    ) {
        self.store = store
        self.release = release
        self.deadlineSeconds = deadlineSeconds
        self.probe = probe
    }

    func finalize(_ pool: SIEPool, in resources: Resources<SIEPool>, now: Timestamp) async throws -> ReconcileResult {
        var next = PoolFinalization.next(for: pool)
        while true {
            try Task.checkCancellation()
            do throws(KubernetesError) {
                switch next {
                case .done: return .done
                case .retry: return .requeueAfter(.seconds(Double.random(in: 0.8...1.2)))
                case .read(let name): next = PoolFinalization.next(for: pool, live: try await store.read(name))
                case .remove(let live):
                    // Whoever has written to them meanwhile, they go.
                    _ = try await store.remove(live, atVersion: false)
                    let reports = await probe(pool.poolName ?? pool.status?.poolName ?? "", now)
                    next = PoolFinalization.next(for: pool, reports: reports, now: now)
                case .abandon(let live):
                    switch try await store.abandon(live) {
                    case .written: next = PoolFinalization.next(for: pool, reports: [], now: now)
                    case .conflict: return .requeue
                    }
                case .release(let note, let message):
                    try await release.perform(on: pool, in: resources, note, message: message)
                    return .done
                }
            } catch {
                // What cannot even be released comes again by the queue.
                if error.isCancellation { throw error }
                if case .release = next { throw error }
                next = PoolFinalization.next(
                    for: pool, problem: "\(error)", deadlineSeconds: deadlineSeconds, now: now)
                if case .retry = next { return .requeue }
            }
        }
    }
}
