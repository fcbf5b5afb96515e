import Gateway
import Wire

/// Healthy workers as the registry knows them.
enum PoolWorkers {
    static func worker(
        _ name: String, profile: String = "l4", queue: String = "shared", bundle: String = "default",
        ready: Bool = true
    ) -> WorkerStatus {
        var status = WorkerStatus()
        status.ready = ready
        status.name = name
        status.machineProfile = profile
        status.poolName = queue
        status.bundle = bundle
        return status
    }

    static func records(_ workers: [WorkerStatus]) -> [WorkerRecord] {
        var registry = WorkerRegistry()
        for worker in workers { _ = registry.report(worker, from: "http://\(worker.name)", now: 0) }
        return registry.workers.filter(\.isHealthy)
    }
}
