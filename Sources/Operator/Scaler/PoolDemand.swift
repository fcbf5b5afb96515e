import Kubernetes

/// What pools ask for whether there is traffic or not.
package struct PoolDemand: Sendable, Hashable {
    /// Workers that pools hold, and the least numbers that they want, by machine profiles. A pool that names no bundle asks
    /// for workers of the default one.
    package private(set) var leased: [WorkerGroupName: Int] = [:]
    package private(set) var floor: [WorkerGroupName: Int] = [:]

    package init() {}

    /// - Parameters:
    ///   - pools: each counts once.
    ///   - defaultBundle: the bundle of pools that name none; nil where there is none, and they ask for nothing.
    package init(_ pools: some Sequence<SIEPool>, defaultBundle: String?) {
        for pool in pools where !pool.isTerminating && !pool.isSuspended && pool.status?.state != .expired {
            guard let spec = pool.spec.value, let bundle = spec.bundle ?? defaultBundle else { continue }
            var least = spec.minimumWorkerCount
            // As the spec lists them: the first kinds are asked first for the least number.
            for gpu in spec.gpus {
                let group = WorkerGroupName(bundle: bundle, machineProfile: gpu.machineProfile)
                if spec.warmCapacity == .reserve { leased[group, default: 0] += gpu.count }
                let share = min(least, gpu.count)
                if share > 0 { floor[group, default: 0] += share }
                least -= share
            }
        }
    }
}
