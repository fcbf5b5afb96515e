import NIOCore
import Observability

/// Pending demand as the metric that autoscalers read. Bound to one event loop by its owner.
struct DemandGauge {
    /// Machine profiles that become label values. Where no profiles are configured callers may invent them, and every
    /// new label value is a series that lives for ever.
    static let maximumProfiles = 256

    private var demand = PendingDemand()
    private var profiles: Set<String> = []
    private let gauge: MetricFamily<Gauge>

    init(gauge: MetricFamily<Gauge>) {
        self.gauge = gauge
    }

    /// The label for a machine profile: the profile itself, until there are too many of them.
    mutating func label(_ machineProfile: String) -> String {
        guard !profiles.contains(machineProfile) else { return machineProfile }
        guard profiles.count < Self.maximumProfiles else { return "unknown" }
        profiles.insert(machineProfile)
        return machineProfile
    }

    mutating func record(_ lane: PendingDemand.Lane, at now: NIODeadline) {
        guard label(lane.machineProfile) == lane.machineProfile else { return }
        let label = demand.record(lane, at: now)
        gauge.with(label.machineProfile, label.bundle).set(1)
    }

    func pending(at now: NIODeadline) -> [PendingDemand.Pending] { demand.pending(at: now) }

    /// Ends demand for lanes that healthy workers serve now, for everybody.
    mutating func clearMet(by lanes: LaneTable, outside pools: PoolRouting) {
        for lane in demand.pending
        where lanes.lane(bundle: lane.bundle, machineProfile: lane.machineProfile, outside: pools) != nil {
            let label = demand.clear(lane)
            gauge.with(label.machineProfile, label.bundle).set(0)
        }
    }

    mutating func expire(at now: NIODeadline) {
        for label in demand.expire(at: now) { gauge.with(label.machineProfile, label.bundle).set(0) }
    }
}
