/// The fleet at one moment, immutable, with the indexes that routing and the status routes read.
package struct WorkerSnapshot: Sendable {
    package struct Cluster: Sendable, Equatable {
        package var workerCount = 0
        package var gpuCount = 0
        package var modelsLoaded = 0
    }

    /// One model as the healthy workers report it.
    package struct LoadedModel: Sendable, Equatable {
        package var name: String
        package var workerURLs: [String] = []
        package var gpuTypes: [String] = []
        package var totalQueueDepth = 0
    }

    /// All workers, healthy or not, by URL.
    package let workers: [WorkerRecord]
    package let cluster: Cluster
    /// Models that healthy workers have loaded, by name.
    package let models: [LoadedModel]

    /// The queues that healthy workers serve.
    package let lanes: LaneTable

    package init(_ workers: [WorkerRecord]) {
        self.workers = workers
        var cluster = Cluster()
        var models: [String: LoadedModel] = [:]
        for worker in workers where worker.isHealthy {
            cluster.workerCount += 1
            cluster.gpuCount += worker.gpuCount
            for name in worker.loadedModels {
                var model = models[name] ?? LoadedModel(name: name)
                model.workerURLs.append(worker.url)
                model.totalQueueDepth += worker.queueDepth
                let profile = worker.machineProfile
                if !profile.isEmpty, !model.gpuTypes.contains(profile) { model.gpuTypes.append(profile) }
                models[name] = model
            }
        }
        cluster.modelsLoaded = models.count
        self.cluster = cluster
        self.models = models.values.sorted { $0.name < $1.name }
        lanes = LaneTable(
            workers: workers.lazy.filter(\.isHealthy).map { worker in
                (worker.bundle, LaneTable.Lane(pool: worker.pool, machineProfile: worker.machineProfile))
            })
    }

    package static let empty = WorkerSnapshot([])

    package var healthy: some Sequence<WorkerRecord> { workers.lazy.filter(\.isHealthy) }

    /// Distinct machine profiles of healthy workers, as they spell them.
    package var liveMachineProfiles: [String] {
        var seen: [String] = []
        for worker in workers where worker.isHealthy && !worker.machineProfile.isEmpty {
            if !seen.contains(worker.machineProfile) { seen.append(worker.machineProfile) }
        }
        return seen
    }

    /// URLs of healthy workers that have the model loaded (exact name).
    package func workers(withModel name: String) -> [String] {
        models.first { $0.name == name }?.workerURLs ?? []
    }
}
