import Observability

/// The metric families of requests that others answer.
package final class UpstreamMetrics: Sendable {
    package let requests: MetricFamily<Counter>
    package let retries: MetricFamily<Counter>
    package let firstByteSeconds: MetricFamily<Histogram>
    package let openStreams: MetricFamily<Gauge>

    package init(registry: MetricsRegistry) {
        requests = registry.counter(
            "sie_gateway_upstream_requests_total", help: "Answers to requests for models of upstreams.",
            labels: ["upstream", "status"])
        retries = registry.counter(
            "sie_gateway_upstream_retries_total", help: "Further attempts at upstreams.", labels: ["upstream"])
        firstByteSeconds = registry.histogram(
            "sie_gateway_upstream_first_byte_seconds",
            help: "Time from a request to the head of its upstream's answer.",
            labels: ["upstream"], bounds: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        openStreams = registry.gauge(
            "sie_gateway_upstream_streams_open", help: "Streams from upstreams under way.", labels: ["upstream"])
    }
}
