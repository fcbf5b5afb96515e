import Gateway
import JSONStream
import Kubernetes
import TestSupport
import Testing

@Suite("Pools as the cluster keeps them")
struct SharedPoolRulesTests {
    static let example = """
        {
          "spec": {"name": "tenant-a", "bundle": "default", "gpus": {"l4": 2}, "ttl_seconds": 600,
                   "minimum_worker_count": 1, "from-the-future": true},
          "status": {"state": "pending", "assigned_workers": [{"name": "w", "url": "http://w", "gpu": "l4"}],
                     "created_at": 1790000000.25, "last_renewed": 1790000123}
        }
        """

    static func document(
        _ name: String = "a", renewed: Double = 100, seconds: Int? = nil, needs: [(String, Int)] = [("l4", 1)]
    ) -> PoolDocument {
        var document = PoolDocument(
            Pool(PoolTableTests.specification(name, needs, seconds: seconds), createdAt: renewed))
        document.lastRenewed = renewed
        return document
    }

    @Test("a document of another writer is read, whole numbers and unknown keys included, and written again")
    func read() throws {
        let document = try PoolDocument(text: Self.example)
        #expect(document.name == "tenant-a")
        #expect(document.specification.bundle == "default")
        #expect(document.specification.requirements == [.init(machineProfile: "l4", count: 2)])
        #expect(document.specification.timeToLiveSeconds == 600)
        #expect(document.specification.minimumWorkerCount == 1)
        #expect(document.state == .pending)
        #expect(document.workers == [.init(name: "w", url: "http://w", machineProfile: "l4")])
        #expect(document.createdAt == 1_790_000_000.25 && document.lastRenewed == 1_790_000_123)
        #expect(try PoolDocument(text: document.text) == document)
        let written = try JSONReader.decode(document.text.utf8)
        #expect(written["status"]?["last_renewed"] == .double(1_790_000_123), "a fraction, as the original writes it")
        #expect(document.text.contains(#""last_renewed":1790000123.0"#))
    }

    @Test("absent options are null or missing, and times may be missing")
    func absent() throws {
        let document = try PoolDocument(
            text: #"{"spec":{"name":"a","bundle":null,"gpus":{},"ttl_seconds":null},"status":{"state":"active"}}"#)
        #expect(document.specification == PoolSpecification(name: "a", requirements: []))
        #expect(document.state == .active && document.createdAt == 0 && document.lastRenewed == 0)
        #expect(try PoolDocument(text: document.text) == document)
    }

    @Test(
        "what is no pool is refused",
        arguments: [
            "", "{", "[]", #"{"spec":{"name":"a"}}"#, #"{"spec":{"name":"a"},"status":{}}"#,
            #"{"spec":{"name":"a"},"status":{"state":"Active"}}"#, #"{"spec":{},"status":{"state":"active"}}"#,
            #"{"spec":{"name":"a.>"},"status":{"state":"active"}}"#,
            #"{"spec":{"name":"a","gpus":{"l4":-1}},"status":{"state":"active"}}"#,
        ])
    func malformed(text: String) {
        #expect(throws: PoolDocument.Malformed.self) { _ = try PoolDocument(text: text) }
    }

    @Test("damaged documents are refused or read, and never end the program")
    func fuzz() throws {
        var generator = SeededGenerator(seed: 20)
        let original = Array(Self.example.utf8)
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if let document = try? PoolDocument(text: String(decoding: bytes, as: UTF8.self)) {
                #expect(try PoolDocument(text: document.text).name == document.name)
            }
        }
    }

    @Test("a renewal is always newer than what was read, whatever the clock says")
    func renewal() {
        var document = Self.document(renewed: 100)
        document.renew(at: 200)
        #expect(document.lastRenewed == 200)
        document.renew(at: 150)
        #expect(document.lastRenewed == 200.001)
    }

    @Test("only so many workers are listed, and the same workers are no news")
    func assignment() throws {
        var table = PoolTable()
        _ = try table.create(PoolTableTests.specification("a", [("l4", 999)]), at: 0)
        let workers = (0..<300).map { PoolWorkers.worker("w\($0)") }
        _ = table.observe(PoolWorkers.records(workers))
        let pool = try #require(table["a"])
        var document = Self.document()
        let isNews = document.assign(pool)
        let isNewsAgain = document.assign(pool)
        #expect(isNews && !isNewsAgain)
        #expect(document.workers.count == PoolDocument.maximumWorkers)
        #expect(document.text.utf8.count < 64 << 10)
    }

    @Test("ConfigMap and Lease bear the names, labels and contents of the contract")
    func objects() throws {
        let labels = ["app.kubernetes.io/managed-by": "sie-gateway", "sie-gateway/pool": "tenant-a"]
        let document = try PoolDocument(text: Self.example)
        let map = PoolObjects.configMap(document)
        #expect(map.metadata.name == "sie-pool-tenant-a")
        #expect(map.metadata.labels == labels)
        #expect(map.data.map { Array($0.keys) } == ["pool.json"])
        #expect(try StoredPool(map) == StoredPool(map))
        #expect(try StoredPool(map).document == document)
        let lease = PoolObjects.lease(document, holder: "me", acquiredAt: 1_790_000_000.5, now: 1_790_000_001.25)
        #expect(lease.metadata.name == "sie-pool-lease-tenant-a")
        #expect(lease.metadata.labels == labels)
        #expect(lease.spec?.holderIdentity == "me")
        #expect(lease.spec?.leaseDurationSeconds == 600)
        #expect(lease.spec?.acquireTime?.description == "2026-09-21T14:13:20.500000Z")
        #expect(lease.spec?.renewTime?.description == "2026-09-21T14:13:21.250000Z")
        #expect(lease.spec?.leaseTransitions == nil)
        let usual = PoolObjects.lease(Self.document(), holder: "me", acquiredAt: 0, now: 0)
        #expect(usual.spec?.leaseDurationSeconds == 1200)
    }

    @Test("a ConfigMap's pool is named by its label, else by its own name, else not at all")
    func names() {
        func pool(_ name: String, _ labels: [String: String] = [:]) -> String? {
            PoolObjects.pool(ofConfigMap: ObjectMeta(name: name, labels: labels))
        }
        #expect(pool("sie-pool-x", ["sie-gateway/pool": "y"]) == "y")
        #expect(pool("sie-pool-x") == "x")
        #expect(pool("sie-pool-") == nil)
        #expect(pool("other") == nil)
    }

    @Test("a ConfigMap without a document, with a bad one or with one of another name holds no pool")
    func noPool() {
        let good = PoolObjects.configMap(Self.document("a"))
        var empty = good
        empty.data = nil
        var bad = good
        bad.data = ["pool.json": "{"]
        var renamed = good
        renamed.metadata.name = "sie-pool-b"
        for map in [empty, bad, renamed] {
            #expect(throws: PoolDocument.Malformed.self) { _ = try StoredPool(map) }
        }
        var owned = good
        owned.metadata.ownerReferences = [OwnerReference(apiVersion: "v", kind: "K", name: "n", uid: "u")]
        let stored = try? StoredPool(owned)
        #expect(stored?.isOwned == true)
    }

    @Test("a Lease's time is counted in whole seconds from its renewal, else from its acquisition")
    func leases() {
        func lease(_ spec: Lease.Spec?, labels: [String: String] = ["sie-gateway/pool": "a"]) -> PoolLease? {
            PoolLease(Lease(metadata: ObjectMeta(name: "sie-pool-lease-a", labels: labels), spec: spec))
        }
        let times = (MicroTime(secondsSince1970: 100), MicroTime(secondsSince1970: 130))
        let both = lease(.init(leaseDurationSeconds: 10, acquireTime: times.0, renewTime: times.1))
        #expect(both?.isExpired(at: 140.9) == false)
        #expect(both?.isExpired(at: 141) == true)
        let acquired = lease(.init(leaseDurationSeconds: 10, acquireTime: times.0))
        #expect(acquired?.isExpired(at: 111) == true)
        #expect(lease(.init(leaseDurationSeconds: 10)) == nil)
        #expect(lease(.init(renewTime: times.1)) == nil)
        #expect(lease(nil) == nil)
        #expect(lease(.init(leaseDurationSeconds: 10, renewTime: times.1), labels: [:]) == nil)
        for (holder, isOperator) in [("sie-operator/pod/uid", true), ("sie-operator", false), ("3f6b", false)] {
            let held = lease(.init(holderIdentity: holder, leaseDurationSeconds: 10, renewTime: times.1))
            #expect(held?.isHeldByOperator == isOperator, "\(holder)")
        }
    }

    @Test("a write that meets newer versions is tried ten times, waiting longer each time")
    func backoff() {
        var generator = SeededGenerator(seed: 3)
        var backoff = ConflictBackoff()
        var waits: [Duration] = []
        while let wait = backoff.next(using: &generator) { waits.append(wait) }
        #expect(waits.count == 9)
        var expected = Duration.milliseconds(100)
        for wait in waits {
            #expect(wait >= expected * 0.8 && wait <= expected * 1.2)
            expected = min(expected * 1.5, .seconds(5))
        }
        let three = waits[0] + waits[1] + waits[2]
        #expect(three >= .milliseconds(380) && three <= .milliseconds(570))
    }

    @Test("names that objects cannot bear are recognised")
    func suitable() {
        for name in ["a", "tenant-a", "0", "a--b"] { #expect(PoolObjects.canBeNamed(name), "\(name)") }
        for name in ["", "A", "a_b", "-a", "a-", "a.b"] { #expect(!PoolObjects.canBeNamed(name), "\(name)") }
    }

    // MARK: The table

    @Test("of what a watch tells, only the strictly newer counts; the default pool is nobody else's")
    func newerWins() {
        var table = PoolTable()
        table.addDefault(machineProfiles: ["l4"], at: 0)
        table.apply(Self.document(renewed: 100), isOwned: false)
        for (renewed, count) in [(100.0, 1), (99, 1), (100.001, 5)] {
            table.apply(Self.document(renewed: renewed, needs: [("l4", 5)]), isOwned: false)
            #expect(table["a"]?.specification.requirements.first?.count == count)
        }
        table.apply(Self.document(renewed: 50, needs: [("l4", 7)]), isOwned: false, isAuthoritative: true)
        #expect(table["a"]?.specification.requirements.first?.count == 7, "what was just read is the truth")
        table.apply(Self.document("default", renewed: 1e12, needs: [("t4", 1)]), isOwned: false)
        table.remove("default")
        #expect(table["default"]?.specification.requirements.map(\.machineProfile) == ["l4"])
        table.remove("a")
        table.remove("unknown")
        #expect(table.all.map(\.name) == ["default"])
    }

    @Test("workers are given to pools of other gateways as to one's own")
    func assigned() {
        var table = PoolTable()
        _ = table.observe(PoolWorkers.records([PoolWorkers.worker("w")]))
        table.apply(Self.document(renewed: 100), isOwned: false)
        #expect(table["a"]?.members.map(\.name) == ["w"])
        #expect(table["a"]?.state == .active)
        table.apply(Self.document(renewed: 101), isOwned: false)
        #expect(table["a"]?.state == .active)
    }

    @Test("a Lease that another gateway renews keeps the pool alive, whichever of them is heard of first")
    func leaseKeepsAlive() throws {
        func lease(_ renewed: Double, holder: String = "other") throws -> PoolLease {
            var object = PoolObjects.lease(Self.document(seconds: 10), holder: holder, acquiredAt: 0, now: renewed)
            object.metadata.resourceVersion = "1"
            return try #require(PoolLease(object))
        }
        var table = PoolTable()
        table.apply(try lease(120))
        table.apply(Self.document(renewed: 100, seconds: 10), isOwned: false)
        let early = try #require(table["a"])
        #expect(!early.isExpired(at: 130) && early.isExpired(at: 131))
        table.apply(try lease(125))
        let later = try #require(table["a"])
        #expect(!later.isExpired(at: 135) && later.isExpired(at: 136))
        #expect(later.document["status"]?["last_renewed"]?.doubleValue == 125)
        table.leaseRemoved(of: "a")
        #expect(try #require(table["a"]).isExpired(at: 111))
        table.apply(try lease(0, holder: "sie-operator/p/u"))
        #expect(!(try #require(table["a"]).isExpired(at: 1e12)), "the operator ends what it holds")
        table.leaseRemoved(of: "a")
        table.apply(Self.document(renewed: 100, seconds: 10), isOwned: true)
        #expect(!(try #require(table["a"]).isExpired(at: 1e12)), "so does an owner")
    }
}
