import Observability

/// The metric families of dead letters (gateway contract section 10).
package final class DeadLetterMetrics: Sendable {
    package let stored: MetricFamily<Counter>
    package let failures: MetricFamily<Counter>

    package init(registry: MetricsRegistry) {
        stored = registry.counter(
            "sie_gateway_dlq_events_total", help: "Work items stored as dead letters.", labels: ["stream", "consumer"])
        failures = registry.counter(
            "sie_gateway_dlq_republish_failures_total", help: "Dead letters that could not be stored.",
            labels: ["stream", "consumer"])
    }
}
