import Observability

/// The metric families of a worker (worker contract section 9; the queue path is counted, unlike in the reference).
package final class WorkerMetrics: Sendable {
    package let registry: MetricsRegistry
    let requests: MetricFamily<Counter>
    let duration: MetricFamily<Histogram>
    let queueDepth: MetricFamily<Gauge>
    let modelLoaded: MetricFamily<Gauge>
    let queueWait: MetricFamily<Histogram>
    let hashMismatches: MetricFamily<Counter>
    let givenBack: MetricFamily<Counter>
    let modelLoads: MetricFamily<Counter>
    let terminated: MetricFamily<Counter>
    let outOfMemory: MetricFamily<Counter>

    package init(registry: MetricsRegistry) {
        self.registry = registry
        let seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
        requests = registry.counter(
            "sie_requests_total", help: "Work items answered, by outcome (success, error).",
            labels: ["model", "endpoint", "status"])
        duration = registry.histogram(
            "sie_request_duration_seconds", help: "Duration of one work item by phase.",
            labels: ["model", "endpoint", "phase"], bounds: seconds)
        queueDepth = registry.gauge(
            "sie_queue_depth", help: "Items waiting or running on this worker.", labels: ["model"])
        modelLoaded = registry.gauge(
            "sie_model_loaded", help: "1 where the model is in memory.", labels: ["model", "device"])
        queueWait = registry.histogram(
            "sie_pull_loop_queue_wait_seconds", help: "From the gateway's publish to the start of inference.",
            labels: ["model"], bounds: Array(seconds[..<11]))
        hashMismatches = registry.counter(
            "sie_pull_loop_config_hash_mismatches_total",
            help: "Work items whose sender knew another configuration of the bundle.", labels: ["model"])
        givenBack = registry.counter(
            "sie_pull_loop_nak_unloaded_total", help: "Work items given back to the queue.", labels: ["model"])
        modelLoads = registry.counter(
            "sie_pull_loop_model_loads_total", help: "Model loads started by work.", labels: ["model"])
        terminated = registry.counter(
            "sie_pull_loop_terminated_total", help: "Messages that are no work items and were removed.")
        outOfMemory = registry.counter(
            "sie_oom_terminal_failures_total", help: "Work items given back for want of memory.", labels: ["model"])
    }

    /// The counters of models as the status message has them: by name without `_total`, then by model, summed over the
    /// other labels (worker contract 1.6).
    package func countersByModel() -> [String: [String: Double]] {
        var counters: [String: [String: Double]] = [:]
        for family in [requests, hashMismatches, givenBack, modelLoads, outOfMemory] {
            guard let label = family.labelNames.firstIndex(of: "model") else { continue }
            let name = String(family.name.dropLast("_total".count))
            for (values, counter) in family.all {
                counters[name, default: [:]][values[label], default: 0] += Double(counter.value)
            }
        }
        return counters
    }
}
