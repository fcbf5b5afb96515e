import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Reconciliation of pools")
struct PoolReconciliationTests {
    @Test("a new pool says that it is not ready, is claimed, and has its ConfigMap before its Lease")
    func new() throws {
        var world = PoolWorld()
        try world.reconcile()
        #expect(
            world.trace == [
                "begin", "finalizer", "read all", "create ConfigMap", "create Lease", "probe", "status",
            ])
        #expect(world.reason(.ready) == "True Dormant")
        #expect(world.reason(.published) == "True Synced")
        #expect(world.reason(.leaseHeld) == "True Renewed")
        #expect(world.reason(.visible) == "True AllReplicas")
        #expect(world.reason(.workersAssigned) == "False ScaledToZero")
        #expect(world.reason(.reconciling) == "absent" && world.reason(.stalled) == "absent")
        #expect(world.status.poolName == "tenant-a" && world.status.state == .pending)
        #expect(
            world.status.configMapName == "sie-pool-tenant-a" && world.status.leaseName == "sie-pool-lease-tenant-a")
        #expect(world.status.gateways == .init(total: 2, seeing: 2))
        #expect(world.status.workers == .init(assigned: 0, desired: 2))
        #expect(world.status.selector == "sie.superlinked.com/machine-profile in (l4)")
        #expect(world.status.lastRenewTime?.secondsSince1970 == Int64(PoolWorld.start))
        #expect(world.incidents.isEmpty)

        let lease = try #require(world.live.lease?.spec)
        #expect(lease.holderIdentity == PoolWorld.holder && lease.leaseDurationSeconds == 600)
        #expect(lease.leaseTransitions == 0 && lease.acquireTime == lease.renewTime)
        for metadata in [world.live.configMap?.metadata, world.live.lease?.metadata] {
            #expect(metadata?.labels["app.kubernetes.io/managed-by"] == "sie-gateway")
            #expect(metadata?.labels["sie-gateway/pool"] == "tenant-a")
            #expect(metadata?.labels["sie.dev/siepool"] == "tenant-a")
            #expect(metadata?.controller?.uid == "uid-a" && metadata?.controller?.kind == "SIEPool")
        }
    }

    @Test("looked at again before its time, nothing is written; at a third of its time to live both are renewed")
    func renewal() throws {
        var world = PoolWorld()
        try world.reconcile()
        guard case .afterSeconds(let wait) = world.after else {
            Issue.record("\(world.after)")
            return
        }
        #expect(wait == 200)
        for passed in [0.0, 30, 150] {
            world.now = PoolWorld.start + passed
            try world.reconcile()
            #expect(world.trace == ["read", "probe"], "after \(passed) s")
        }
        #expect(world.after == .afterSeconds(50))
        world.now = PoolWorld.start + 200
        try world.reconcile()
        #expect(world.trace == ["read", "change ConfigMap", "change Lease", "probe", "status"])
        #expect(world.document?.lastRenewed == PoolWorld.start + 200)
        #expect(world.document?.createdAt == PoolWorld.start)
        #expect(world.live.lease?.spec?.renewTime == MicroTime(secondsSince1970: PoolWorld.start + 200))
        #expect(world.live.lease?.spec?.acquireTime == MicroTime(secondsSince1970: PoolWorld.start))
        #expect(world.live.lease?.spec?.leaseTransitions == 0)
    }

    @Test("another operator that leads takes the Lease at once, which is no takeover")
    func handover() throws {
        var world = PoolWorld()
        try world.reconcile()
        world.holder = "sie-operator/pod-1/2"
        world.now += 1
        try world.reconcile()
        #expect(world.trace == ["read", "change Lease", "probe"])
        #expect(world.live.lease?.spec?.leaseTransitions == 1)
        #expect(world.incidents.isEmpty)
    }

    @Test("what gateways say of the workers stays when the operator renews or changes the pool")
    func workers() throws {
        var world = PoolWorld { $0.minimumWorkerCount = 1 }
        try world.reconcile()
        #expect(world.reason(.ready) == "False WorkersMissing")
        #expect(world.reason(.reconciling) == "True WorkersMissing")
        #expect(world.after == .soon(atMostSeconds: 200))
        let workers: JSONValue = [["name": "w", "url": "http://w", "gpu": "l4"]]
        try world.editDocument {
            MergePatch.apply(["status": ["state": "active", "assigned_workers": workers]], to: $0)
        }
        (world.workers, world.isActive) = (2, true)
        world.edit { $0.ttlSeconds = 300 }
        world.now += 1
        try world.reconcile()
        #expect(world.trace == ["read all", "change ConfigMap", "change Lease", "probe", "status"])
        #expect(world.reason(.ready) == "True Active" && world.reason(.workersAssigned) == "True Satisfied")
        #expect(world.status.state == .active)
        let text = try #require(world.live.configMap?.data?["pool.json"])
        let document = try JSONReader.decode(text.utf8)
        #expect(document["status"]?["assigned_workers"] == workers && document["status"]?["state"] == "active")
        #expect(document["spec"]?["ttl_seconds"] == 300)
        #expect(world.live.lease?.spec?.leaseDurationSeconds == 300)
    }

    @Test(
        "the status of a pool to which nothing happens is written when it is renewed and not in between, for ten minutes",
        arguments: [60, 600, 1200])
    func quiet(ttl: Int) throws {
        var world = PoolWorld { $0.ttlSeconds = ttl }
        try world.reconcile()
        for second in stride(from: 1.0, through: 600, by: 7) {
            world.now = PoolWorld.start + second
            try world.reconcile()
            let isRenewed = world.trace.contains("change ConfigMap")
            #expect(world.trace.contains("status") == isRenewed, "after \(second) s: \(world.trace)")
            if !isRenewed { #expect(world.trace == ["read", "probe"]) }
        }
    }

    @Test("a pool with as many workers as it wants without traffic is ready; one that keeps all of them warm waits")
    func warm() throws {
        var world = PoolWorld { $0.minimumWorkerCount = 1 }
        world.workers = 1
        try world.reconcile()
        #expect(world.reason(.ready) == "True Dormant" && world.reason(.workersAssigned) == "False Insufficient")
        world.edit { $0.warmCapacity = .reserve }
        try world.reconcile()
        #expect(world.reason(.ready) == "False WorkersMissing")
    }

    @Test(
        "an object that somebody deletes is made anew, and people are told", arguments: ["ConfigMap", "Lease", "both"])
    func swept(what: String) throws {
        var world = PoolWorld()
        try world.reconcile()
        let created = try #require(world.live.lease?.spec?.acquireTime)
        if what != "Lease" { world.live.configMap = nil }
        if what != "ConfigMap" { world.live.lease = nil }
        world.now += 10
        try world.reconcile()
        switch what {
        case "ConfigMap":
            #expect(world.trace == ["read", "create ConfigMap", "change Lease", "probe", "status"])
            #expect(world.live.lease?.spec?.acquireTime == created)
        case "Lease": #expect(world.trace == ["read", "create Lease", "probe"])
        default: #expect(world.trace == ["read", "create ConfigMap", "create Lease", "probe", "status"])
        }
        #expect(world.incidents.count == (what == "both" ? 2 : 1))
        #expect(world.live.lease?.spec?.leaseTransitions == 1)
        #expect(world.reason(.ready) == "True Dormant")
        #expect(world.document?.spec == PoolDocument.Spec(world.pool))
    }

    @Test("a Lease that a gateway holds is taken back, and counted; the time of acquisition stays")
    func takeover() throws {
        var world = PoolWorld()
        try world.reconcile()
        world.live.lease?.spec?.holderIdentity = "a-gateway"
        world.live.lease?.spec?.renewTime = MicroTime(secondsSince1970: PoolWorld.start + 5)
        world.now += 6
        try world.reconcile()
        #expect(world.trace == ["read", "change Lease", "probe"])
        #expect(world.incidents == [.takenOver(holder: "a-gateway")])
        #expect(world.live.lease?.spec?.holderIdentity == PoolWorld.holder)
        #expect(world.live.lease?.spec?.leaseTransitions == 1)
        try world.reconcile()
        #expect(world.incidents.isEmpty)
    }

    @Test("marks that somebody took away are put back, and other owners' stay")
    func marks() throws {
        var world = PoolWorld()
        try world.reconcile()
        let other = OwnerReference(apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "x")
        world.live.configMap?.metadata.ownerReferences = [other]
        world.live.configMap?.metadata.labels = ["team": "a"]
        world.live.lease?.metadata.labels["sie-gateway/pool"] = nil
        world.now += 1
        try world.reconcile()
        #expect(world.trace == ["read", "change ConfigMap", "change Lease", "probe", "status"])
        #expect(world.live.configMap?.metadata.ownerReferences.map(\.uid) == ["x", "uid-a"])
        #expect(world.live.configMap?.metadata.labels["team"] == "a")
        #expect(world.live.configMap?.metadata.labels["sie.dev/siepool"] == "tenant-a")
        #expect(world.live.lease?.metadata.labels["sie-gateway/pool"] == "tenant-a")
    }

    @Test("a write that meets a newer version is decided anew, ten times at most")
    func conflicts() throws {
        var world = PoolWorld()
        try world.reconcile()
        world.now += 200
        world.faults = ["change ConfigMap": [.conflict, .conflict], "change Lease": [.conflict]]
        try world.reconcile()
        #expect(
            world.trace == [
                "read", "change ConfigMap", "wait 1", "read", "change ConfigMap", "wait 2", "read", "change ConfigMap",
                "change Lease", "wait 3", "read", "change Lease", "probe", "status",
            ])
        #expect(world.incidents.isEmpty)
        world.now += 200
        world.faults = ["change ConfigMap": Array(repeating: .conflict, count: 20)]
        try world.reconcile()
        #expect(world.trace.count { $0 == "change ConfigMap" } == PoolReconciliation.attempts)
        #expect(world.after == .withBackoff)
    }

    @Test("a renewal that fails leaves the pool ready until its time is nearly up, then says so, and recovers")
    func failing() throws {
        var world = PoolWorld()
        try world.reconcile()
        func fail(after seconds: Double) throws {
            world.now = PoolWorld.start + seconds
            world.faults = ["change ConfigMap": [.failed("patch configmaps: connection refused")]]
            try world.reconcile()
            #expect(world.after == .withBackoff)
        }
        try fail(after: 210)
        #expect(world.reason(.ready) == "True Dormant" && world.reason(.leaseHeld) == "True Renewed")
        #expect(world.status.renewFailures == 1)
        try fail(after: 430)
        #expect(world.reason(.ready) == "True Dormant" && world.reason(.leaseHeld) == "Unknown RenewFailed")
        try fail(after: 610)
        #expect(world.reason(.ready) == "False LeaseLost" && world.reason(.leaseHeld) == "False RenewFailed")
        #expect(world.reason(.reconciling) == "True LeaseLost")
        #expect(world.status.renewFailures == 3)
        world.now += 1
        try world.reconcile()
        #expect(world.reason(.ready) == "True Dormant" && world.status.renewFailures == nil)
        #expect(world.reason(.reconciling) == "absent")
    }

    @Test("a spec that could not be given to gateways is not current, though the pool was ready as it was before")
    func unpublishedChange() throws {
        var world = PoolWorld()
        try world.reconcile()
        #expect(KStatus(of: try world.object()) == .current)
        world.edit { $0.gpus = [.init(machineProfile: "l4", count: 3)] }
        #expect(KStatus(of: try world.object()) == .inProgress)
        world.faults = ["change ConfigMap": [.failed("no answer")]]
        try world.reconcile()
        #expect(KStatus(of: try world.object()) == .inProgress)
        #expect(world.reason(.published) == "False APIError")
        try world.reconcile()
        #expect(KStatus(of: try world.object()) == .current)
    }

    @Test("somebody else's ConfigMap is left alone, until it is given to the operator or goes")
    func foreign() throws {
        var world = PoolWorld()
        let text = #"{"spec":{"name":"tenant-a","gpus":{"t4":1}},"status":{"state":"pending","last_renewed":5}}"#
        world.live.configMap = ConfigMap(
            metadata: ObjectMeta(
                name: "sie-pool-tenant-a", namespace: "n", uid: "x", resourceVersion: "1",
                labels: ["app.kubernetes.io/managed-by": "sie-gateway", "sie-gateway/pool": "tenant-a"]),
            data: ["pool.json": text])
        let before = world.live
        try world.reconcile()
        #expect(world.trace == ["begin", "finalizer", "read all", "status"])
        #expect(world.live == before)
        #expect(
            world.reason(.stalled) == "True ConflictingOwner" && world.reason(.published) == "False ConflictingOwner")
        #expect(world.after == .afterSeconds(PoolReconciliation.conflictSeconds))
        world.live.configMap?.metadata.annotations["sie.dev/adopt"] = "true"
        try world.reconcile()
        #expect(world.reason(.ready) == "True Dormant" && world.reason(.stalled) == "absent")
        #expect(world.document?.spec == PoolDocument.Spec(world.pool))
        #expect(world.live.configMap?.metadata.controller?.uid == "uid-a")
    }

    @Test("machines that nobody has stall a new pool, and leave one that is used as it was")
    func unknownProfiles() throws {
        let bundle = SIEBundle(
            metadata: ObjectMeta(name: "b"),
            spec: .init(adapters: ["a"], workerGroups: [.init(machineProfile: "t4")]))
        var world = PoolWorld()
        world.profiles = KnownProfiles(bundles: [bundle], defaultPool: nil)
        try world.reconcile()
        #expect(world.live == LivePool())
        #expect(world.reason(.stalled) == "True UnknownProfile" && world.reason(.ready) == "False UnknownProfile")
        #expect(world.status.conditions[.stalled]?.message.contains("l4") == true)
        world.edit { $0.gpus = [.init(machineProfile: "t4", count: 1)] }
        try world.reconcile()
        #expect(world.reason(.ready) == "True Dormant")
        world.edit { $0.gpus = [.init(machineProfile: "b200", count: 1)] }
        world.now += 200
        try world.reconcile()
        #expect(world.reason(.stalled) == "True UnknownProfile")
        #expect(world.document?.spec.gpus == ["t4": 1] && world.document?.lastRenewed == world.now)
        #expect(KStatus(of: try world.object()) == .failed)
    }

    @Test("a suspended pool is not renewed; one that breaks a rule asks nobody")
    func silent() throws {
        var world = PoolWorld()
        try world.reconcile()
        world.edit { $0.suspend = true }
        world.now += 500
        try world.reconcile()
        #expect(world.trace == ["status"] && world.after == .never)
        #expect(world.reason(.ready) == "Unknown Suspended" && world.reason(.leaseHeld) == "Unknown Suspended")
        world.edit {
            $0.suspend = false
            $0.minimumWorkerCount = 3
        }
        try world.reconcile()
        #expect(world.trace == ["status"] && world.reason(.stalled) == "True InvalidSpec")
    }

    @Test("an action is followed by what came of it and by nothing else")
    func unexpected() {
        var reconciliation = PoolReconciliation(PoolWorld().pool, holder: "h", jitter: 0, now: 0)
        _ = reconciliation.start()
        var refusal: PoolReconciliation.UnexpectedEvent?
        do throws(PoolReconciliation.UnexpectedEvent) {
            _ = try reconciliation.handle(.probed([]))
        } catch {
            refusal = error
        }
        #expect(refusal?.description.contains("probed") == true)
    }
}
