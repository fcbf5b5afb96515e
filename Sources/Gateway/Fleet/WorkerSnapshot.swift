/// The fleet at one moment, immutable, as the status routes and metrics read it. Routing reads a `LaneTable`.
package struct WorkerSnapshot: Sendable {
    package struct Cluster: Sendable, Equatable {
        package var workerCount = 0
        package var gpuCount = 0
        package var modelsLoaded = 0

        package init(workerCount: Int = 0, gpuCount: Int = 0, modelsLoaded: Int = 0) {
            self.workerCount = workerCount
            self.gpuCount = gpuCount
            self.modelsLoaded = modelsLoaded
        }
    }

    /// One model as the healthy workers report it.
    package struct LoadedModel: Sendable, Equatable {
        package var name: String
        package var workerURLs: [String] = []
        package var gpuTypes: [String] = []
        package var totalQueueDepth = 0

        package init(
            name: String, workerURLs: [String] = [], gpuTypes: [String] = [], totalQueueDepth: Int = 0
        ) {
            self.name = name
            self.workerURLs = workerURLs
            self.gpuTypes = gpuTypes
            self.totalQueueDepth = totalQueueDepth
        }
    }

    /// All workers, healthy or not, by URL.
    package let workers: [WorkerRecord]
    package let cluster: Cluster
    /// Models that healthy workers have loaded, by name.
    package let models: [LoadedModel]
    private let modelPositions: [String: Int]

    package init(_ workers: [WorkerRecord]) {
        self.workers = workers
        var cluster = Cluster()
        var models: [String: LoadedModel] = [:]
        for worker in workers where worker.isHealthy {
            cluster.workerCount += 1
            cluster.gpuCount += worker.gpuCount
            for name in Set(worker.loadedModels) {
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
        modelPositions = Dictionary(uniqueKeysWithValues: self.models.enumerated().map { ($1.name, $0) })
    }

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
        modelPositions[name].map { models[$0].workerURLs } ?? []
    }
}
