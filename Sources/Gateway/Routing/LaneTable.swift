/// The queues that healthy workers serve, indexed by bundle. Immutable: a change in the fleet makes a new one.
package struct LaneTable: Sendable {
    /// A pool's queue as served by at least one healthy worker.
    package struct Lane: Hashable, Comparable, Sendable {
        package var pool: String
        package var machineProfile: String

        package init(pool: String, machineProfile: String) {
            self.pool = pool
            self.machineProfile = machineProfile
        }

        /// The pool `default` comes first, then names in byte order, so that every gateway chooses alike.
        package static func < (left: Lane, right: Lane) -> Bool {
            let leftKey = (left.pool == "default" ? 0 : 1, left.pool, left.machineProfile)
            let rightKey = (right.pool == "default" ? 0 : 1, right.pool, right.machineProfile)
            return leftKey < rightKey
        }
    }

    /// Sorted lanes by lower-cased bundle.
    private var lanes: [String: [Lane]] = [:]
    private var pools: Set<String> = []
    /// Which of the lanes take batches.
    package let batching: BatchLanes

    /// - Parameter workers: the healthy ones. Those that name no pool serve no queue and are left out.
    package init(workers: some Sequence<(bundle: String, lane: Lane)> = [], batching: BatchLanes = BatchLanes()) {
        self.batching = batching
        var sets: [String: Set<Lane>] = [:]
        for worker in workers where !worker.lane.pool.isEmpty {
            sets[worker.bundle.lowercased(), default: []].insert(worker.lane)
            pools.insert(worker.lane.pool)
        }
        lanes = sets.mapValues { $0.sorted() }
    }

    /// The lane for a bundle and a machine profile (`""` for any); nil when no healthy worker fits.
    ///
    /// - Parameter pools: the pools somebody holds: their lanes are left out. Nil looks at all.
    package func lane(bundle: String, machineProfile: String, outside pools: PoolRouting? = nil) -> Lane? {
        guard let candidates = lanes[bundle] ?? lanes[bundle.lowercased()] else { return nil }
        return candidates.first { lane in
            (machineProfile.isEmpty || lane.machineProfile.equalsIgnoringASCIICase(machineProfile))
                && pools?.isReserved(lane.pool) != true
        }
    }

    /// Whether no healthy worker pulls from any queue.
    package var isEmpty: Bool { pools.isEmpty }

    /// Whether any healthy worker pulls from this pool.
    package func isServed(pool: String) -> Bool { pools.contains(pool) }
}
