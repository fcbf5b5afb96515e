import Observability

/// The metrics of the service; names, labels and bounds are those that dashboards know.
struct ConfigMetrics: Sendable {
    let registry = MetricsRegistry()
    let requests: MetricFamily<Counter>
    let requestDuration: MetricFamily<Histogram>
    let epoch: Gauge
    let models: MetricFamily<Gauge>
    let messagingConnected: Gauge
    let publishes: MetricFamily<Counter>
    let storeWrites: MetricFamily<Counter>
    /// Not in the original.
    let isWriter: Gauge

    init() {
        requests = registry.counter(
            "sie_config_http_requests_total", help: "HTTP requests answered.", labels: ["method", "path", "status"])
        requestDuration = registry.histogram(
            "sie_config_http_request_duration_seconds", help: "Time to answer an HTTP request.",
            labels: ["method", "path"],
            bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
        epoch = registry.gauge("sie_config_epoch", help: "Count of writes that created something.").with()
        models = registry.gauge("sie_config_models_total", help: "Models by where they come from.", labels: ["source"])
        messagingConnected = registry.gauge("sie_config_nats_connected", help: "Whether NATS is connected.").with()
        publishes = registry.counter(
            "sie_config_nats_publishes_total", help: "Rounds of announcements.", labels: ["result"])
        storeWrites = registry.counter(
            "sie_config_store_writes_total", help: "Writes to the store.", labels: ["op", "result"])
        isWriter = registry.gauge("sie_config_is_writer", help: "Whether this replica takes writes.").with()
    }
}
