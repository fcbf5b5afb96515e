import Observability

/// What a client asks and how fast it is answered, by client-go's names. Give ``observe(_:)`` to the client as its observer.
public final class RequestMetrics: Sendable {
    private let host: String
    private let requests: MetricFamily<Counter>
    private let durations: MetricFamily<Histogram>

    /// - Parameter server: the URL of the API server.
    public init(registry: MetricsRegistry, server: String) {
        let parts = server.split(separator: "/", omittingEmptySubsequences: false)
        host = parts.count > 2 ? String(parts[2]) : server
        requests = registry.counter(
            "rest_client_requests_total", help: "Requests to the API server by status and method.",
            labels: ["code", "method", "host"])
        durations = registry.histogram(
            "rest_client_request_duration_seconds", help: "Time until the API server has answered.",
            labels: ["verb", "host"], bounds: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60])
    }

    /// Counts an answer. Requests that nobody answered have the code `<error>`.
    public func observe(_ report: RequestReport) {
        requests.with(report.code.map { "\($0)" } ?? "<error>", report.method, host).increment()
        durations.with(report.method, host).observe(report.duration)
    }
}
