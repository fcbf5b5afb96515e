import Kubernetes

/// What happened to a pool of late, to tell a mishap from a fight. A value with the time from outside; a restart may forget
/// it.
package struct PoolIncidents: Sendable, Hashable {
    /// So many deletions within this time are somebody's doing: of a gateway that does not hear of renewals.
    package static let sweeps = (count: 3, withinSeconds: 300.0)
    /// So many takeovers of the Lease.
    package static let takeovers = (count: 3, withinSeconds: 600.0)

    private var sweptAt: [Double] = []
    private var takenOverAt: [Double] = []

    package init() {}

    /// Takes note of what happened in one reconcile.
    ///
    /// - Parameter now: in seconds since any fixed moment.
    /// - Returns: what people are told.
    package mutating func note(_ all: [PoolReconciliation.Incident], now: Double) -> [Told] {
        var told: [Told] = []
        var wasSwept = false
        for incident in all {
            switch incident {
            case .recreated(let name):
                told.append(Told(.normal, "PoolRecreated", "\(name) was deleted by somebody and is there again"))
                wasSwept = true
            case .takenOver(let holder):
                takenOverAt = Self.recent(takenOverAt, Self.takeovers.withinSeconds, now: now)
                if takenOverAt.count >= Self.takeovers.count {
                    told.append(Told(.warning, "PoolLeaseLost", "\(holder) takes the Lease again and again"))
                }
            case .renewedByClient:
                told.append(Told(.normal, "PoolRenewedByClient", "clients renew the pool"))
            }
        }
        // Both objects may have gone in one sweep.
        if wasSwept {
            sweptAt = Self.recent(sweptAt, Self.sweeps.withinSeconds, now: now)
            if sweptAt.count >= Self.sweeps.count {
                let text = "its objects are deleted again and again, as by gateways that do not watch pools"
                told.append(Told(.warning, "PoolSweptByGateway", text))
            }
        }
        return told
    }

    private static func recent(_ times: [Double], _ limit: Double, now: Double) -> [Double] {
        times.filter { now - $0 < limit } + [now]
    }
}
