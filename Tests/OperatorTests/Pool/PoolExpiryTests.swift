import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Pools that end")
struct PoolExpiryTests {
    private static let end = Timestamp(secondsSince1970: Int64(PoolWorld.start) + 60)

    @Test("a pool whose end has come loses its objects and says so; a later end brings it back")
    func marked() throws {
        var world = PoolWorld { $0.expiresAt = Self.end }
        try world.reconcile()
        guard case .afterSeconds(let wait) = world.after else {
            Issue.record("\(world.after)")
            return
        }
        #expect(wait > 59 && wait < 61)
        world.now += 61
        try world.reconcile()
        #expect(world.trace == ["read", "remove ConfigMap Lease", "status"])
        #expect(world.live == LivePool() && world.after == .never)
        #expect(world.status.state == .expired && world.status.workers?.assigned == 0)
        #expect(world.reason(.ready) == "False Expired" && world.reason(.stalled) == "True Expired")
        #expect(world.reason(.published) == "False Expired" && world.reason(.visible) == "absent")
        #expect(KStatus(of: try world.object()) == .failed)
        try world.reconcile()
        #expect(world.trace == ["read all", "remove"], "nothing is written again")
        world.edit { $0.expiresAt = Timestamp(secondsSince1970: Self.end.secondsSince1970 + 3600) }
        try world.reconcile()
        #expect(world.reason(.ready) == "True Dormant" && world.status.state == .pending)
        #expect(world.incidents.isEmpty)
    }

    @Test("with DeleteResource the object goes, too; others' objects of the pool's names stay")
    func deleted() throws {
        var world = PoolWorld {
            $0.expiresAt = Self.end
            $0.onExpire = .deleteResource
        }
        try world.reconcile()
        world.live.lease?.metadata.annotations = [:]
        world.live.lease?.metadata.ownerReferences = []
        world.live.lease?.metadata.labels = [:]
        world.now += 61
        try world.reconcile()
        #expect(world.trace == ["read", "remove ConfigMap", "delete"])
        #expect(world.live.lease != nil)
    }

    @Test("what a client has just renewed is read again before it is removed")
    func raced() throws {
        var world = PoolWorld {
            $0.renewal = .clientRenewed
            $0.ttlSeconds = 60
        }
        try world.reconcile()
        // The look that follows from what was written, by which the time is measured.
        try world.reconcile()
        world.now += 70
        world.faults = ["remove ConfigMap Lease": [.conflict]]
        try world.reconcile()
        #expect(
            world.trace == ["read", "remove ConfigMap Lease", "wait 1", "read", "remove ConfigMap Lease", "status"])
    }

    @Test("a pool that clients renew is theirs: marked, not owned, and never renewed by the operator")
    func clientRenewed() throws {
        var world = PoolWorld { $0.renewal = .clientRenewed }
        try world.reconcile()
        #expect(world.live.configMap?.metadata.ownerReferences == [])
        #expect(world.live.configMap?.metadata.annotations["sie.dev/siepool-uid"] == "uid-a")
        #expect(world.live.lease?.spec?.holderIdentity == "siepool")
        world.now += 300
        try world.reconcile()
        #expect(world.trace == ["read", "probe"])
        // A gateway of release 0.3.1 renews the Lease alone.
        world.live.lease?.spec?.holderIdentity = "a-gateway"
        world.live.lease?.spec?.renewTime = MicroTime(secondsSince1970: world.now + 50)
        world.now += 100
        try world.reconcile()
        #expect(world.trace == ["read", "probe", "status"])
        #expect(world.incidents == [.renewedByClient])
        #expect(world.status.lastRenewTime?.secondsSince1970 == Int64(PoolWorld.start) + 350)
        #expect(world.live.lease?.spec?.holderIdentity == "a-gateway")
    }

    @Test("a clock that jumps ends no pool that clients go on renewing", arguments: [-3600.0, 3600])
    func jump(seconds: Double) throws {
        var world = PoolWorld { $0.renewal = .clientRenewed }
        try world.reconcile()
        for round in 0..<20 {
            world.now += 100
            if round == 3 { (world.now, world.skew) = (world.now + seconds, seconds) }
            // Gateways have the right time.
            world.live.lease?.spec?.holderIdentity = "a-gateway"
            world.live.lease?.spec?.renewTime = MicroTime(secondsSince1970: world.now - world.skew)
            try world.reconcile()
            #expect(world.reason(.ready) == "True Dormant", "round \(round)")
            guard case .afterSeconds(let wait) = world.after else {
                Issue.record("\(world.after)")
                return
            }
            #expect(wait >= 1 && wait <= 200)
        }
        // When they stop, it ends, if not by a clock that is behind.
        for _ in 0..<7 {
            world.now += 100
            try world.reconcile()
        }
        #expect(world.reason(.stalled) == (seconds > 0 ? "True Expired" : "absent"))
    }

    @Test("a pool that clients stop renewing expires, also where a gateway has ended it, and stays so until asked")
    func abandoned() throws {
        for isSwept in [false, true] {
            var world = PoolWorld { $0.renewal = .clientRenewed }
            for _ in 0..<2 { try world.reconcile() }
            world.now += 603
            try world.reconcile()
            // Clocks may differ by a few seconds.
            #expect(world.reason(.ready) == "True Dormant")
            if isSwept { world.live = LivePool() }
            world.now += 3
            try world.reconcile()
            #expect(world.live == LivePool() && world.status.state == .expired)
            #expect(world.status.conditions[.stalled]?.message == "no client renewed the pool within 600 s")
            try world.reconcile()
            #expect(world.live == LivePool() && !world.trace.contains("status"))
            world.pool.metadata.annotations[SIEGroup.reconcileAtAnnotation] = "now"
            try world.reconcile()
            #expect(world.reason(.ready) == "True Dormant")
        }
    }

    @Test("a pool that a client deletes before its time is made anew")
    func deletedEarly() throws {
        var world = PoolWorld { $0.renewal = .clientRenewed }
        try world.reconcile()
        world.live = LivePool()
        world.now += 30
        try world.reconcile()
        #expect(world.live.configMap != nil && world.incidents.count == 2)
    }

    @Test("who renews a pool can change: the marks and the holder follow")
    func renewalChanges() throws {
        var world = PoolWorld()
        try world.reconcile()
        world.edit { $0.renewal = .clientRenewed }
        try world.reconcile()
        #expect(world.live.configMap?.metadata.ownerReferences == [])
        #expect(world.live.lease?.metadata.ownerReferences == [])
        #expect(world.live.lease?.spec?.holderIdentity == "siepool")
        world.live.lease?.spec?.holderIdentity = "a-gateway"
        world.edit { $0.renewal = .managed }
        try world.reconcile()
        #expect(world.live.configMap?.metadata.controller?.uid == "uid-a")
        #expect(world.live.lease?.spec?.holderIdentity == PoolWorld.holder)
        #expect(world.incidents.isEmpty, "it was the clients' until now")
    }
}
