import Kubernetes

/// What is left to do for a pool whose object was deleted: a value that is asked step by step.
package enum PoolFinalization: Sendable, Hashable {
    /// What people are told of the end.
    package enum Note: String, FinalizationNote, CaseIterable {
        case finalized = "Finalized"
        /// The pool's objects stay until nobody renews them, as the object asked for.
        case poolOrphaned = "PoolOrphaned"
        /// The cluster could not be asked within the deadline.
        case finalizerTimeout = "FinalizerTimeout"
        case finalizerForced = "FinalizerForced"
    }

    /// Nothing of ours holds the object.
    case done
    /// Take the finalizer away, and tell why.
    case release(Note, message: String)
    /// Read the pool's objects, then ask ``next(for:live:now:)``.
    case read(pool: String)
    /// Delete what is given, the Lease before the ConfigMap, then ask the gateways and ``next(for:reports:now:)``.
    case remove(LivePool)
    /// Give up what is given: take the marks of the operator away, then ask ``next(for:reports:now:)`` without reports.
    case abandon(LivePool)
    /// Come again after a while.
    case retry(message: String)

    /// After how long the finalizer goes although something could not be undone, unless somebody has set another time.
    package static let deadlineSeconds: Int64 = 600
    /// How long gateways have to forget the pool.
    package static let visibilitySeconds: Int64 = 30

    /// What to do for a deleted object.
    package static func next(for pool: SIEPool) -> PoolFinalization {
        guard pool.metadata.finalizers.contains(SIEPool.finalizer) else { return .done }
        if pool.mustForceFinalize {
            return .release(.finalizerForced, message: "\(SIEGroup.forceFinalizeAnnotation) is set")
        }
        guard let name = pool.poolName ?? pool.status?.poolName else {
            return .release(.finalized, message: "there is no pool")
        }
        return .read(pool: name)
    }

    /// What to do with what is there. Others' objects stay.
    package static func next(for pool: SIEPool, live: LivePool) -> PoolFinalization {
        func ours<Object: KubernetesObject>(_ object: Object?) -> Object? {
            object.flatMap {
                PoolOwnership(of: $0.metadata, for: pool, wasPublished: false) == .ours ? $0 : nil
            }
        }
        let mine = LivePool(configMap: ours(live.configMap), lease: ours(live.lease))
        return pool.spec.value?.deletionPolicy == .orphan ? .abandon(mine) : .remove(mine)
    }

    /// What to do when everything is undone: gateways are given a moment to notice.
    ///
    /// - Parameter reports: of the ready replicas; none where the pool stays.
    package static func next(for pool: SIEPool, reports: [PoolReport], now: Timestamp) -> PoolFinalization {
        let name = pool.poolName ?? pool.status?.poolName ?? ""
        if pool.spec.value?.deletionPolicy == .orphan {
            return .release(.poolOrphaned, message: "the pool \(name) is left to whoever renews it")
        }
        let knowing = reports.filter { if case .known = $0.answer { true } else { false } }.map(\.pod).sorted()
        guard !knowing.isEmpty else { return .release(.finalized, message: "the pool \(name) is gone") }
        let text = "\(knowing.joined(separator: ", ")) still know the pool \(name)"
        return age(of: pool, now) >= visibilitySeconds ? .release(.finalized, message: text) : .retry(message: text)
    }

    /// What to do where the cluster does not let anything be undone: deleting a namespace must end.
    package static func next(
        for pool: SIEPool, problem: String, deadlineSeconds: Int64 = deadlineSeconds, now: Timestamp
    ) -> PoolFinalization {
        guard age(of: pool, now) >= deadlineSeconds else { return .retry(message: problem) }
        let text = "\(problem) for \(deadlineSeconds) s; the pool's objects may still be there"
        return .release(.finalizerTimeout, message: text)
    }

    private static func age(of pool: SIEPool, _ now: Timestamp) -> Int64 {
        now.secondsSince1970 - (pool.metadata.deletionTimestamp?.secondsSince1970 ?? now.secondsSince1970)
    }
}
