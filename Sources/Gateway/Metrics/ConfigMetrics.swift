import Observability

/// The metric families of the read-side configuration.
package final class ConfigMetrics: Sendable {
    package let bootstrapFailures: Counter
    package let degraded: Gauge
    package let epoch: Gauge
    package let deltas: MetricFamily<Counter>

    package init(registry: MetricsRegistry) {
        bootstrapFailures = registry.counter(
            "sie_gateway_config_bootstrap_failures_total", help: "Failed attempts to fetch the configuration."
        ).with()
        degraded = registry.gauge(
            "sie_gateway_config_bootstrap_degraded", help: "1 while the configuration is missing or incomplete."
        ).with()
        epoch = registry.gauge("sie_gateway_config_epoch", help: "The configuration epoch in force.").with()
        deltas = registry.counter(
            "sie_gateway_config_deltas_total", help: "Configuration deltas by kind and outcome.",
            labels: ["kind", "result"])
    }
}
