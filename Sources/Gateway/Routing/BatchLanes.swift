/// Which lanes have workers that take batched work items. Immutable: a change in the fleet makes a new one.
package struct BatchLanes: Sendable, Equatable {
    /// Whoever may pull the same message: the workers of one bundle in one pool.
    private struct Lane: Hashable {
        var bundle: String
        var pool: String
    }

    private struct Attendance: Equatable {
        var workers = 0
        var takers = 0
    }

    private var lanes: [Lane: Attendance] = [:]

    /// - Parameter workers: the healthy ones.
    package init(workers: some Sequence<(bundle: String, pool: String, takesBatches: Bool)> = []) {
        for worker in workers {
            let lane = Lane(bundle: worker.bundle.lowercased(), pool: worker.pool)
            lanes[lane, default: Attendance()].workers += 1
            if worker.takesBatches { lanes[lane]?.takers += 1 }
        }
    }

    /// How many workers share the lane's batches; 0 unless all of the lane's workers take them, so that none is left
    /// without work by the others' ability.
    package func takers(bundle: String, pool: String) -> Int {
        guard let lane = attendance(bundle, pool), lane.takers == lane.workers else { return 0 }
        return lane.takers
    }

    /// Whether the lane is served, but by nobody who would take a batch that was published before.
    package func areAbandoned(bundle: String, pool: String) -> Bool {
        attendance(bundle, pool).map { $0.takers == 0 } ?? false
    }

    private func attendance(_ bundle: String, _ pool: String) -> Attendance? {
        lanes.isEmpty
            ? nil
            : lanes[Lane(bundle: bundle, pool: pool)] ?? lanes[Lane(bundle: bundle.lowercased(), pool: pool)]
    }
}
