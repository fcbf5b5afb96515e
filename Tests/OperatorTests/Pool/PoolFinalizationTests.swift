import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Deletion of pools")
struct PoolFinalizationTests {
    private static let deleted = Timestamp(secondsSince1970: 1_800_000_000)

    private func world(_ change: (inout SIEPool.Spec) -> Void = { _ in }) throws -> PoolWorld {
        var world = PoolWorld(change)
        try world.reconcile()
        world.pool.metadata.deletionTimestamp = Self.deleted
        return world
    }

    private func time(_ seconds: Int64) -> Timestamp {
        Timestamp(secondsSince1970: Self.deleted.secondsSince1970 + seconds)
    }

    @Test("a deleted pool's own objects are removed, then gateways have half a minute to forget it")
    func usual() throws {
        let world = try world()
        #expect(PoolFinalization.next(for: world.pool) == .read(pool: "tenant-a"))
        #expect(PoolFinalization.next(for: world.pool, live: world.live) == .remove(world.live))
        let knowing = [
            PoolWorld.report("g0", .known(.init(spec: nil))), PoolWorld.report("g1", .unreachable(problem: "away")),
        ]
        func next(_ reports: [PoolReport], after seconds: Int64) -> PoolFinalization {
            PoolFinalization.next(for: world.pool, reports: reports, now: time(seconds))
        }
        #expect(next(knowing, after: 29) == .retry(message: "g0 still know the pool tenant-a"))
        guard case .release(.finalized, _) = next(knowing, after: 30), case .release(.finalized, _) = next([], after: 0)
        else {
            Issue.record("held up")
            return
        }
    }

    @Test("others' objects stay")
    func foreign() throws {
        var world = try world()
        world.live.configMap?.metadata.annotations = [:]
        world.live.configMap?.metadata.ownerReferences = []
        #expect(
            PoolFinalization.next(for: world.pool, live: world.live) == .remove(LivePool(lease: world.live.lease)))
        #expect(PoolFinalization.next(for: world.pool, live: LivePool()) == .remove(LivePool()))
    }

    @Test("with the policy Orphan the objects are given up and no gateway is waited for")
    func orphan() throws {
        let world = try world { $0.deletionPolicy = .orphan }
        #expect(PoolFinalization.next(for: world.pool, live: world.live) == .abandon(world.live))
        let next = PoolFinalization.next(for: world.pool, reports: [], now: time(0))
        guard case .release(.poolOrphaned, _) = next else {
            Issue.record("\(next)")
            return
        }
    }

    @Test("nothing holds an object without the finalizer, nor one whose end is forced, nor any for over ten minutes")
    func bounds() throws {
        var world = try world()
        let problem = "delete leases: forbidden"
        #expect(PoolFinalization.next(for: world.pool, problem: problem, now: time(599)) == .retry(message: problem))
        let late = PoolFinalization.next(for: world.pool, problem: problem, now: time(600))
        guard case .release(.finalizerTimeout, let message) = late else {
            Issue.record("\(late)")
            return
        }
        #expect(message.contains(problem))
        world.pool.metadata.annotations[SIEGroup.forceFinalizeAnnotation] = "true"
        guard case .release(.finalizerForced, _) = PoolFinalization.next(for: world.pool) else {
            Issue.record("not forced")
            return
        }
        world.pool.metadata.finalizers = []
        #expect(PoolFinalization.next(for: world.pool) == .done)
        #expect(PoolFinalization.Note.allCases.filter(\.isWarning) == [.finalizerTimeout, .finalizerForced])
    }

    @Test("a spec that cannot be read is of the pool that the status names, and of none without")
    func unreadable() throws {
        var world = try world()
        world.pool.spec = .unreadable(.null, reason: "x")
        #expect(PoolFinalization.next(for: world.pool) == .read(pool: "tenant-a"))
        world.pool.status = nil
        guard case .release(.finalized, _) = PoolFinalization.next(for: world.pool) else {
            Issue.record("held up")
            return
        }
    }
}
