import Wire

/// The fleet as a state machine: fed the reports, failures and time that reach the gateway, it says which workers may
/// get work. No I/O and no clock of its own (gateway contract section 5; a worker that reports `ready: false` is not
/// given work, unlike in the reference).
package struct WorkerRegistry: Sendable {
    /// What an event changed, for whoever acts on it.
    package enum Change: Sendable, Equatable {
        case none
        /// The routing picture is the same, but numbers such as queue depths moved.
        case figures
        /// The worker now takes work and did not before.
        case becameHealthy(url: String)
        /// The worker takes no work any more.
        case stoppedServing(url: String)
        /// Bundle, pool, profile, hash or models of a healthy worker changed.
        case description(url: String)
    }

    /// Seconds of silence after which a worker is held to be gone.
    package let heartbeatTimeout: Double
    /// Seconds of silence after which a worker is forgotten; nil where addresses are known by other means than reports.
    package let forgetAfter: Double?

    private var records: [String: WorkerRecord] = [:]

    package init(heartbeatTimeout: Double = 15, forgetAfter: Double? = nil) {
        self.heartbeatTimeout = heartbeatTimeout
        self.forgetAfter = forgetAfter
    }

    /// All workers, by URL.
    package var workers: [WorkerRecord] { records.values.sorted { $0.url < $1.url } }

    package func worker(url: String) -> WorkerRecord? { records[url] }

    /// The queues that healthy workers serve.
    package var lanes: LaneTable {
        let healthy = records.values.lazy.filter(\.isHealthy)
        return LaneTable(
            workers: healthy.map { worker in
                (worker.bundle, LaneTable.Lane(pool: worker.pool, machineProfile: worker.machineProfile))
            },
            batching: BatchLanes(workers: healthy.map { ($0.bundle, $0.pool, $0.takesBatches) }))
    }

    /// A worker's address became known. A known one is left as it is.
    package mutating func add(url: String) {
        if records[url] == nil { records[url] = WorkerRecord(url: url) }
    }

    package mutating func remove(url: String) -> Change {
        guard let record = records.removeValue(forKey: url) else { return .none }
        return record.isHealthy ? .stoppedServing(url: url) : .figures
    }

    /// A status message arrived from `url` at `now` seconds.
    package mutating func report(_ status: WorkerStatus, from url: String, now: Double) -> Change {
        let before = records[url] ?? WorkerRecord(url: url)
        var record = before
        record.name = status.name.isEmpty ? url : status.name
        record.machineProfile = status.machineProfile
        record.pool = status.poolName
        record.bundle = status.bundle.isEmpty ? "default" : status.bundle
        record.bundleConfigHash = status.bundleConfigHash
        record.loadedModels = status.loadedModels
        record.gpuCount = status.gpuCount == 0 ? 1 : status.gpuCount
        record.queueDepth = status.totalQueueDepth
        record.memoryUsedBytes = status.totalMemoryUsedBytes
        record.memoryTotalBytes = status.totalMemoryTotalBytes
        record.takesBatches = status.capabilities.contains(WorkerStatus.Capability.batchedItems)
        record.lastReport = now
        switch (status.ready, before.state) {
        case (true, _): record.state = .healthy
        case (false, .healthy), (false, .draining): record.state = .draining
        case (false, _): record.state = .unknown
        }
        records[url] = record
        if record.isHealthy != before.isHealthy {
            return record.isHealthy ? .becameHealthy(url: url) : .stoppedServing(url: url)
        }
        guard record.isHealthy else { return .figures }
        let same =
            record.machineProfile == before.machineProfile && record.pool == before.pool
            && record.bundle == before.bundle && record.bundleConfigHash == before.bundleConfigHash
            && record.loadedModels == before.loadedModels && record.name == before.name
            && record.gpuCount == before.gpuCount && record.takesBatches == before.takesBatches
        return same ? .figures : .description(url: url)
    }

    /// The connection to the worker failed or closed.
    package mutating func connectionLost(url: String) -> Change {
        guard var record = records[url], record.state != .unhealthy else { return .none }
        let served = record.isHealthy
        record.state = .unhealthy
        records[url] = record
        return served ? .stoppedServing(url: url) : .figures
    }

    /// Time passed: workers that have been silent for too long become unhealthy, and are forgotten later where nothing
    /// but their reports made them known.
    package mutating func sweep(now: Double) -> [Change] {
        var changes: [Change] = []
        for (url, record) in records where now - record.lastReport > heartbeatTimeout {
            if let forgetAfter, now - record.lastReport > forgetAfter {
                records[url] = nil
                changes.append(record.isHealthy ? .stoppedServing(url: url) : .figures)
            } else if record.state == .healthy || record.state == .draining {
                records[url]?.state = .unhealthy
                changes.append(record.isHealthy ? .stoppedServing(url: url) : .figures)
            }
        }
        return changes
    }
}
