import Kubernetes
import Observability
import Wire

/// What the operator measures beside what its libraries do.
package struct OperatorMetrics: Sendable {
    package let registry = MetricsRegistry()
    /// Of all controllers and their queues.
    package let controllers: ControllerMetrics
    /// By `code` and `op`.
    package let configRequests: MetricFamily<Counter>
    package let configEpoch: Gauge
    package let probeSeconds: Histogram
    /// By `resource` and `reason`.
    package let watchRestarts: MetricFamily<Counter>
    /// By `bundle`, `profile` and `signal`.
    package let scalerDemand: MetricFamily<Gauge>
    package let scalerStreams: Gauge
    /// By `namespace` and `pool`.
    package let poolRenewAge: MetricFamily<Gauge>
    package let poolLeaseTakeovers: Counter
    package let finalizerTimeouts: Counter
    package let clockSkew: Gauge

    package init() {
        controllers = ControllerMetrics(registry: registry)
        configRequests = registry.counter(
            "sie_operator_config_requests_total", help: "Requests to the config service.", labels: ["code", "op"])
        configEpoch = registry.gauge("sie_operator_config_epoch", help: "The config service's epoch.").with()
        probeSeconds = registry.histogram(
            "sie_operator_gateway_probe_seconds", help: "Time until a gateway replica has answered.",
            bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3]
        ).with()
        poolRenewAge = registry.gauge(
            "sie_operator_pool_renew_age_seconds", help: "Time since the pool was last renewed.",
            labels: ["namespace", "pool"])
        poolLeaseTakeovers = registry.counter(
            "sie_operator_pool_lease_takeovers_total",
            help: "Leases of pools that gateways held and the operator took back."
        ).with()
        finalizerTimeouts = registry.counter(
            "sie_operator_finalizer_timeouts_total",
            help: "Deleted objects that went before their effects could be undone."
        ).with()
        clockSkew = registry.gauge(
            "sie_operator_clock_skew_seconds", help: "How far this machine's clock is ahead of the API server's."
        ).with()
        watchRestarts = registry.counter(
            "sie_operator_watch_restarts_total", help: "Lists and watches that had to begin again.",
            labels: ["resource", "reason"])
        scalerDemand = registry.gauge(
            "sie_operator_scaler_demand", help: "What is asked of a worker group, by kind of demand.",
            labels: ["bundle", "profile", "signal"])
        scalerStreams = registry.gauge(
            "sie_operator_scaler_streams", help: "Calls of KEDA's that wait to be told of demand."
        ).with()
        registry.gauge("sie_operator_build_info", help: "1, with the version.", labels: ["version"])
            .with(ProductVersion.current).set(1)
    }

    /// Shows the config epochs of the gateway's replicas that there are.
    func show(_ fleet: GatewayFleet, _ memory: ProbeMemory) {
        registry.collectedGauge(
            "sie_operator_gateway_epoch", help: "The config epoch that the replica told when it was last asked.",
            labels: ["pod"]
        ) { add in
            for replica in fleet.replicas {
                if let epoch = memory.epoch(of: replica.id) { add([replica.pod], Double(epoch)) }
            }
        }
    }

    /// Counts a list or watch that had to begin again.
    package func countRestart(_ restart: InformerRestart) {
        watchRestarts.with(restart.resource.plural, restart.isExpired ? "expired" : "failed").increment()
    }
}
