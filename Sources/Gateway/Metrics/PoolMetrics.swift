import Observability

/// The metric families of pools (gateway contract section 10).
package final class PoolMetrics: Sendable {
    package let events: MetricFamily<Counter>
    private let activeLeases: MetricFamily<Gauge>

    package init(registry: MetricsRegistry) {
        events = registry.counter(
            "sie_gateway_pool_events_total", help: "What happened to pools.", labels: ["event"])
        for event in PoolTable.Event.allCases { _ = events.with(event.rawValue) }
        activeLeases = registry.gauge(
            "sie_gateway_active_lease_gpus", help: "Workers that active pools hold, by machine profile.",
            labels: ["machine_profile", "bundle"])
        _ = activeLeases.with("", "")
    }

    /// Sets the gauge of held workers anew at each scrape, so that what vanished disappears. Autoscalers match its labels
    /// exactly: profiles are spelled as configured.
    package func collect(at registry: MetricsRegistry, from pools: PoolDirectory) {
        registry.onScrape { [weak pools] in
            guard let pools else { return }
            self.set(pools.all, configured: pools.configuredMachineProfiles)
        }
    }

    private func set(_ pools: [Pool], configured: [String]) {
        activeLeases.reset()
        _ = activeLeases.with("", "")
        var counts: [PendingDemand.Lane: Int] = [:]
        for pool in pools where pool.state == .active && !pool.isDefault {
            for requirement in pool.specification.requirements {
                let asked = requirement.machineProfile
                let profile = LaneSelection.resolve(profile: asked, configured: configured) ?? asked
                let lane = PendingDemand.Lane(
                    machineProfile: profile, bundle: pool.specification.bundle ?? "default")
                counts[lane, default: 0] += requirement.count
            }
        }
        for (lane, count) in counts { activeLeases.with(lane.machineProfile, lane.bundle).set(Double(count)) }
    }
}
