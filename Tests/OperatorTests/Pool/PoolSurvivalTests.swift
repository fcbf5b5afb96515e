import JSONStream
import Kubernetes
import Operator
import Testing

/// Pools and gateways of release 0.3.1 over time that only the test counts: these keep the time of the last renewal in
/// memory, learn of newer ones by the watch if they have one, and sweep away for everybody what they take for expired.
@Suite("Pools among gateways of release 0.3.1")
struct PoolSurvivalTests {
    private struct Gateway {
        var watches: Bool
        /// Of the pool; nil where the gateway does not know it.
        var lastRenewed: Double?

        mutating func hear(_ live: LivePool) {
            guard let document = live.document else {
                if watches { lastRenewed = nil }
                return
            }
            // Only what is strictly newer counts.
            guard watches, document.lastRenewed > lastRenewed ?? -1 else { return }
            lastRenewed = document.lastRenewed
        }

        /// Whether it deletes both objects.
        mutating func sweep(_ live: LivePool, ttl: Double, now: Double) -> Bool {
            if let lastRenewed, now - lastRenewed > ttl {
                self.lastRenewed = nil
                return live != LivePool()
            }
            guard let lease = live.lease?.spec, let time = lease.renewTime else { return false }
            return (now - time.secondsSince1970).rounded(.down) > Double(lease.leaseDurationSeconds ?? 1200)
        }
    }

    /// Lets some times its time to live pass, a second at a time.
    ///
    /// - Parameters:
    ///   - pause: when the operator does not work, in seconds from the start.
    ///   - skew: by how much the operator's clock is ahead, from which second on.
    /// - Returns: how often the pool was deleted, and for how many seconds in a row at most it was not there.
    private func run(
        _ world: inout PoolWorld, gateways: [Gateway], times: Int, pause: Range<Int> = 0..<0,
        skew: [(from: Int, seconds: Double)] = []
    ) throws -> (sweeps: Int, longestAbsence: Int) {
        var gateways = gateways
        let ttl = Double(world.pool.spec.value?.ttlSeconds ?? 0)
        var (sweeps, absence, longest) = (0, 0, 0)
        var next = world.now
        for second in 0..<(times * Int(ttl)) {
            let time = PoolWorld.start + Double(second)
            world.now = time + (skew.last { $0.from <= second }?.seconds ?? 0)
            if time >= next, !pause.contains(second) {
                try world.reconcile()
                guard case .afterSeconds(let wait) = world.after else {
                    Issue.record("\(world.after) after \(second) s")
                    break
                }
                // Nobody's waits are by the time of day.
                next = time + wait
                // Those without a watch have read the pools at their start.
                for index in gateways.indices where second == 0 { gateways[index].lastRenewed = time }
            }
            for index in gateways.indices { gateways[index].hear(world.live) }
            for index in gateways.indices where second % 60 == 59 {
                guard gateways[index].sweep(world.live, ttl: ttl, now: time) else { continue }
                world.live = LivePool()
                sweeps += 1
                // The informer tells of it.
                next = time
                for other in gateways.indices { gateways[other].hear(world.live) }
            }
            absence = world.live.configMap == nil ? absence + 1 : 0
            longest = max(longest, absence)
        }
        return (sweeps, longest)
    }

    @Test("with gateways that watch, the pool is never deleted", arguments: [60, 600, 1200])
    func watching(ttl: Int) throws {
        var world = PoolWorld { $0.ttlSeconds = ttl }
        let result = try run(&world, gateways: [.init(watches: true), .init(watches: true)], times: 10)
        #expect(result.sweeps == 0 && result.longestAbsence == 0)
    }

    @Test("gateways that do not watch delete it once each; it is there again within a second", arguments: [60, 600])
    func deaf(ttl: Int) throws {
        var world = PoolWorld { $0.ttlSeconds = ttl }
        let result = try run(&world, gateways: [.init(watches: false), .init(watches: true)], times: 10)
        #expect(result.sweeps == 1 && result.longestAbsence <= 1)
        #expect(world.live.configMap != nil && world.live.lease != nil)
        #expect(world.reason(.ready) == "True Dormant")
    }

    @Test("an operator whose clock goes an hour ahead, and back again, loses nothing", arguments: [60, 600, 1200])
    func ahead(ttl: Int) throws {
        var world = PoolWorld { $0.ttlSeconds = ttl }
        let result = try run(
            &world, gateways: [.init(watches: true), .init(watches: true)], times: 10,
            skew: [(from: 2 * ttl, seconds: 3600), (from: 5 * ttl, seconds: 0)])
        #expect(result.sweeps == 0 && result.longestAbsence == 0)
        #expect(world.reason(.ready) == "True Dormant" && world.reason(.leaseHeld) == "True Renewed")
    }

    @Test(
        "an operator whose clock goes an hour back has its pools swept by gateways that count by clocks, and restores them within a second; with the clock put right that ends",
        arguments: [60, 600])
    func behind(ttl: Int) throws {
        var world = PoolWorld { $0.ttlSeconds = ttl }
        let away = try run(
            &world, gateways: [.init(watches: true), .init(watches: true)], times: 10,
            skew: [(from: 2 * ttl, seconds: -3600), (from: 8 * ttl, seconds: 0)])
        #expect(away.sweeps > 0 && away.longestAbsence <= 1)
        #expect(world.reason(.ready) == "True Dormant")
        let after = try run(&world, gateways: [.init(watches: true)], times: 3)
        #expect(after.sweeps == 0 && after.longestAbsence == 0)
    }

    @Test("an operator that is away for as long as a change of leaders takes loses nothing")
    func away() throws {
        for from in 1..<60 {
            var world = PoolWorld { $0.ttlSeconds = 60 }
            let result = try run(
                &world, gateways: [.init(watches: true)], times: 4, pause: from..<(from + 17))
            #expect(result.sweeps == 0 && result.longestAbsence == 0, "away from second \(from)")
        }
    }
}
