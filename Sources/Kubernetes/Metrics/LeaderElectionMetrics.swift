import Observability

/// What elections measure, by client-go's names.
public final class LeaderElectionMetrics: Sendable {
    private let statuses: MetricFamily<Gauge>
    private let slowPaths: MetricFamily<Counter>

    public init(registry: MetricsRegistry) {
        statuses = registry.gauge(
            "leader_election_master_status", help: "1 where this process holds the lease.", labels: ["name"])
        slowPaths = registry.counter(
            "leader_election_slowpath_total", help: "Renewals that had to read the lease first.", labels: ["name"])
    }

    func status(_ name: String) -> Gauge { statuses.with(name) }
    func slowPath(_ name: String) -> Counter { slowPaths.with(name) }
}
