import Observability

/// What controllers and their queues measure, by the names that controller-runtime and client-go have given them, so that
/// dashboards made for those work.
public final class ControllerMetrics: Sendable {
    /// The series of one controller.
    struct Series: Sendable {
        var successes: Counter
        var failures: Counter
        var requeues: Counter
        var delayedRequeues: Counter
        var errors: Counter
        var terminalErrors: Counter
        var timeouts: Counter
        var reconcileTime: Histogram
        var maxConcurrentReconciles: Gauge
        var activeWorkers: Gauge
        var depth: Gauge
        var adds: Counter
        var retries: Counter
        var queueDuration: Histogram
        var workDuration: Histogram
        var unfinishedWork: Gauge
        var longestRunning: Gauge
    }

    let registry: MetricsRegistry
    private let reconciles: MetricFamily<Counter>
    private let errors: MetricFamily<Counter>
    private let terminalErrors: MetricFamily<Counter>
    private let panics: MetricFamily<Counter>
    private let timeouts: MetricFamily<Counter>
    private let reconcileTime: MetricFamily<Histogram>
    private let maxConcurrentReconciles: MetricFamily<Gauge>
    private let activeWorkers: MetricFamily<Gauge>
    private let depth: MetricFamily<Gauge>
    private let adds: MetricFamily<Counter>
    private let retries: MetricFamily<Counter>
    private let queueDuration: MetricFamily<Histogram>
    private let workDuration: MetricFamily<Histogram>
    private let unfinishedWork: MetricFamily<Gauge>
    private let longestRunning: MetricFamily<Gauge>

    /// Seconds, from fast to the usual limits of requests.
    private static let reconcileBounds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60,
    ]
    /// Seconds, from ten nanoseconds in steps of ten.
    private static let queueBounds = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]

    public init(registry: MetricsRegistry) {
        self.registry = registry
        let prefix = "controller_runtime_"
        let byController = ["controller"]
        reconciles = registry.counter(
            prefix + "reconcile_total", help: "Reconciles by result.", labels: ["controller", "result"])
        errors = registry.counter(
            prefix + "reconcile_errors_total", help: "Reconciles that failed.", labels: byController)
        terminalErrors = registry.counter(
            prefix + "terminal_reconcile_errors_total", help: "Reconciles that failed for good.", labels: byController)
        panics = registry.counter(
            prefix + "reconcile_panics_total", help: "Always 0: a trap ends the process.", labels: byController)
        timeouts = registry.counter(
            prefix + "reconcile_timeouts_total", help: "Reconciles cancelled after their time.", labels: byController)
        reconcileTime = registry.histogram(
            prefix + "reconcile_time_seconds", help: "Time of a reconcile.", labels: byController,
            bounds: Self.reconcileBounds)
        maxConcurrentReconciles = registry.gauge(
            prefix + "max_concurrent_reconciles", help: "Workers of a controller.", labels: byController)
        activeWorkers = registry.gauge(
            prefix + "active_workers", help: "Workers that work at present.", labels: byController)
        let byQueue = ["name", "controller"]
        depth = registry.gauge("workqueue_depth", help: "Keys whose turn has come.", labels: byQueue)
        adds = registry.counter("workqueue_adds_total", help: "Keys added.", labels: byQueue)
        retries = registry.counter(
            "workqueue_retries_total", help: "Keys that come again after a wait.", labels: byQueue)
        queueDuration = registry.histogram(
            "workqueue_queue_duration_seconds", help: "Time that keys wait for their turn.", labels: byQueue,
            bounds: Self.queueBounds)
        workDuration = registry.histogram(
            "workqueue_work_duration_seconds", help: "Time that the work on a key takes.", labels: byQueue,
            bounds: Self.queueBounds)
        unfinishedWork = registry.gauge(
            "workqueue_unfinished_work_seconds", help: "Time spent so far on what is being worked on.",
            labels: byQueue)
        longestRunning = registry.gauge(
            "workqueue_longest_running_processor_seconds", help: "Time of the longest work that goes on.",
            labels: byQueue)
    }

    func series(name: String) -> Series {
        _ = panics.with(name)
        return Series(
            successes: reconciles.with(name, "success"), failures: reconciles.with(name, "error"),
            requeues: reconciles.with(name, "requeue"), delayedRequeues: reconciles.with(name, "requeue_after"),
            errors: errors.with(name), terminalErrors: terminalErrors.with(name), timeouts: timeouts.with(name),
            reconcileTime: reconcileTime.with(name), maxConcurrentReconciles: maxConcurrentReconciles.with(name),
            activeWorkers: activeWorkers.with(name), depth: depth.with(name, name), adds: adds.with(name, name),
            retries: retries.with(name, name), queueDuration: queueDuration.with(name, name),
            workDuration: workDuration.with(name, name), unfinishedWork: unfinishedWork.with(name, name),
            longestRunning: longestRunning.with(name, name))
    }
}
