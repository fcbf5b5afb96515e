import FoundationEssentials
import Synchronization
import Wire

/// Puts together what the worker says of itself on `/ws/status` (worker contract 1.6).
package final class StatusReporter: Sendable {
    private let configuration: WorkerConfiguration
    private let models: ModelHost
    private let metrics: WorkerMetrics
    private let clock: WorkerClock
    private let startedAt: Double
    private let isAccepting = Atomic(false)
    private let isServing: @Sendable () -> Bool
    private let takesBatches: @Sendable () -> Bool

    /// - Parameters:
    ///   - isServing: whether work can be pulled from the queue at present.
    ///   - takesBatches: whether batches of it are pulled too.
    package init(
        configuration: WorkerConfiguration, models: ModelHost, metrics: WorkerMetrics, clock: WorkerClock,
        isServing: @escaping @Sendable () -> Bool, takesBatches: @escaping @Sendable () -> Bool
    ) {
        self.isServing = isServing
        self.takesBatches = takesBatches
        self.configuration = configuration
        self.models = models
        self.metrics = metrics
        self.clock = clock
        startedAt = clock.monotonicSeconds()
    }

    /// Whether the models that are to be preloaded are, and no shutdown has begun.
    var accepts: Bool {
        get { isAccepting.load(ordering: .acquiring) }
        set { isAccepting.store(newValue, ordering: .releasing) }
    }

    /// Whether the worker takes work; `/readyz` and the status message say the same. Unlike in the reference, a worker
    /// that cannot reach its queue is not ready.
    package var ready: Bool { accepts && isServing() }

    package func status() -> WorkerStatus {
        var status = WorkerStatus()
        status.timestamp = clock.unixSeconds()
        status.ready = ready
        status.name = configuration.workerName
        status.machineProfile = configuration.machineProfile
        status.poolName = configuration.queue.pool
        status.bundle = configuration.catalog.bundle
        status.bundleConfigHash = models.bundleConfigHash
        status.models = models.status()
        status.loadedModels = status.models.filter { $0.state == "loaded" }.map(\.name)
        status.maxBatchRequests = 64
        if takesBatches() { status.capabilities = [WorkerStatus.Capability.batchedItems] }
        // `gpus` stays empty and `gpu_count` 0: this worker computes on the processor's cores.
        status.counters = metrics.countersByModel()
        status.server.uptimeSeconds = Int(clock.monotonicSeconds() - startedAt)
        status.server.user = ProcessInfo.processInfo.userName
        status.server.workingDirectory = FileManager.default.currentDirectoryPath
        status.server.pid = Int(ProcessInfo.processInfo.processIdentifier)
        return status
    }
}
