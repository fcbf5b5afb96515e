import Observability

/// The families that describe workers and models; set at each scrape, so that what vanished disappears (gateway contract
/// section 10).
package final class FleetMetrics: Sendable {
    private let workers: MetricFamily<Gauge>
    private let queueDepth: MetricFamily<Gauge>
    private let memoryUsed: MetricFamily<Gauge>
    private let modelWorkers: MetricFamily<Gauge>

    /// Adds the families to `registry`; they read `snapshot` at each scrape.
    package static func register(in registry: MetricsRegistry, snapshot: @escaping @Sendable () -> WorkerSnapshot) {
        let metrics = FleetMetrics(registry: registry)
        registry.onScrape { metrics.collect(snapshot()) }
    }

    private init(registry: MetricsRegistry) {
        workers = registry.gauge("sie_gateway_workers", help: "Known workers by health.", labels: ["status"])
        queueDepth = registry.gauge(
            "sie_gateway_worker_queue_depth", help: "Items waiting on a worker.",
            labels: ["worker", "machine_profile", "bundle"])
        memoryUsed = registry.gauge(
            "sie_gateway_worker_memory_used_bytes", help: "Accelerator memory a worker uses.",
            labels: ["worker", "machine_profile", "bundle"])
        modelWorkers = registry.gauge(
            "sie_gateway_model_workers", help: "Healthy workers that have a model loaded.", labels: ["model"])
    }

    private func collect(_ snapshot: WorkerSnapshot) {
        let healthy = snapshot.cluster.workerCount
        workers.with("healthy").set(Double(healthy))
        workers.with("unhealthy").set(Double(snapshot.workers.count - healthy))
        queueDepth.reset()
        memoryUsed.reset()
        for worker in snapshot.workers {
            queueDepth.with(worker.name, worker.machineProfile, worker.bundle).set(Double(worker.queueDepth))
            memoryUsed.with(worker.name, worker.machineProfile, worker.bundle).set(Double(worker.memoryUsedBytes))
        }
        modelWorkers.reset()
        for model in snapshot.models { modelWorkers.with(model.name).set(Double(model.workerURLs.count)) }
    }
}
