import Kubernetes
import Operator
import Testing

@Suite("Events of pools")
struct PoolEventsTests {
    private func reasons(_ before: Conditions?, _ after: Conditions) -> [String] {
        PoolEvents.events(from: before, to: after).map { "\($0.type.rawValue) \($0.reason)" }
    }

    /// What the next reconcile tells.
    private func expect(
        _ told: [String], of world: inout PoolWorld, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = world.pool.status?.conditions
        try world.reconcile()
        #expect(reasons(before, world.status.conditions) == told, sourceLocation: sourceLocation)
    }

    @Test("what has come to be so is told once, and what breaks as a warning")
    func life() throws {
        var world = PoolWorld()
        try expect(["Normal PoolPublished"], of: &world)
        try expect([], of: &world)
        (world.workers, world.isActive) = (2, true)
        try expect(["Normal PoolActive"], of: &world)
        world.reports = [PoolWorld.report("g0", .unknownPool)]
        try expect(["Warning ReplicaMissing"], of: &world)
        world.reports = nil
        try expect(["Normal PoolActive"], of: &world)
        world.now += 610
        world.faults = ["change ConfigMap": [.failed("no answer")]]
        try expect(["Warning PoolLeaseLost"], of: &world)
        try expect(["Normal PoolActive"], of: &world)
        world.edit { $0.expiresAt = Timestamp(secondsSince1970: 1) }
        try expect(["Warning PoolExpired"], of: &world)
        world.edit { $0.minimumWorkerCount = 9 }
        try expect(["Warning InvalidSpec"], of: &world)
    }

    @Test("a mishap is told as such; the third within its time is somebody's doing")
    func incidents() {
        var incidents = PoolIncidents()
        func reasons(_ all: [PoolReconciliation.Incident], at now: Double) -> [String] {
            incidents.note(all, now: now).map { "\($0.type.rawValue) \($0.reason)" }
        }
        let both = [PoolReconciliation.Incident.recreated("sie-pool-a"), .recreated("sie-pool-lease-a")]
        let usual = ["Normal PoolRecreated", "Normal PoolRecreated"]
        #expect(reasons(both, at: 0) == usual && reasons(both, at: 100) == usual)
        #expect(reasons(both, at: 299) == usual + ["Warning PoolSweptByGateway"])
        #expect(reasons(both, at: 700) == usual)
        #expect(reasons([.takenOver(holder: "g")], at: 0) == [] && reasons([.takenOver(holder: "g")], at: 1) == [])
        #expect(reasons([.takenOver(holder: "g")], at: 599) == ["Warning PoolLeaseLost"])
        #expect(reasons([.takenOver(holder: "g")], at: 2000) == [])
        #expect(reasons([.renewedByClient], at: 0) == ["Normal PoolRenewedByClient"])
    }
}
