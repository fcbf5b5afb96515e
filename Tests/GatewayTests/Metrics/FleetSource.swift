import Gateway
import Synchronization
import Wire

/// A fleet that a test changes between two scrapes.
final class FleetSource: Sendable {
    private let registry = Mutex(WorkerRegistry())

    var snapshot: WorkerSnapshot { WorkerSnapshot(registry.withLock { $0.workers }) }

    func report(_ name: String, ready: Bool, models: [String], depth: Int) {
        var status = WorkerStatus()
        status.ready = ready
        status.name = name
        status.machineProfile = "l4"
        status.loadedModels = models
        status.queueDepth = depth
        status.memoryUsedBytes = 1000
        registry.withLock { _ = $0.report(status, from: "http://\(name)", now: 0) }
    }

    func remove(_ name: String) { registry.withLock { _ = $0.remove(url: "http://\(name)") } }
}
