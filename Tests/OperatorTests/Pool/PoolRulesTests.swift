import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Rules of pools")
struct PoolRulesTests {
    // MARK: Renewal

    @Test("a pool is renewed at a third of its time to live, from 5 seconds to 5 minutes")
    func intervals() {
        for (ttl, interval) in [(1, 5.0), (60, 20), (600, 200), (900, 300), (604_800, 300)] {
            let renewal = PoolRenewal(ttlSeconds: ttl)
            #expect(renewal.intervalSeconds == interval)
            // Whoever comes when told to finds it due, at every moment of chance.
            for jitter in [0.0, 0.5, 1] {
                let wait = renewal.waitSeconds(ageSeconds: 0, jitter: jitter)
                #expect(wait <= interval && wait >= interval * 0.9)
                #expect(renewal.isDue(ageSeconds: wait))
                #expect(renewal.waitSeconds(ageSeconds: wait * 2, jitter: jitter) == 1)
            }
            #expect(!renewal.isDue(ageSeconds: 0) && !renewal.isDue(ageSeconds: interval / 2))
        }
    }

    @Test("stamps of the future are of a wrong clock: the pool is renewed, and the wait is no longer for it")
    func skew() {
        let renewal = PoolRenewal(ttlSeconds: 600)
        #expect(!renewal.isDue(ageSeconds: -4) && renewal.isDue(ageSeconds: -3600))
        #expect(renewal.waitSeconds(ageSeconds: -3600, jitter: 0) == 200)
    }

    @Test("a pool counts as held until 0.7 of its time to live, and as lost at its end")
    func hold() {
        let renewal = PoolRenewal(ttlSeconds: 100)
        for (age, hold) in [
            (0.0, PoolRenewal.Hold.held), (69, .held), (70, .uncertain), (99, .uncertain), (100, .lost),
        ] {
            #expect(renewal.hold(ageSeconds: age) == hold)
        }
    }

    // MARK: Whose objects are

    private func pool(_ name: String = "a", uid: String = "u", poolName: String? = nil) -> SIEPool {
        SIEPool(
            metadata: ObjectMeta(name: name, namespace: "n", uid: uid),
            spec: .init(poolName: poolName, gpus: [.init(machineProfile: "l4", count: 1)]))
    }

    private func reference(_ name: String, uid: String, kind: String = "SIEPool") -> OwnerReference {
        OwnerReference(apiVersion: "sie.dev/v1alpha1", kind: kind, name: name, uid: uid, controller: true)
    }

    @Test("objects are ours by their uid, adoptable where nobody can claim them, and foreign otherwise")
    func ownership() {
        let annotation = PoolObjects.ownerAnnotation
        let cases: [(ObjectMeta, Bool, String)] = [
            (ObjectMeta(ownerReferences: [reference("a", uid: "u")]), false, "ours"),
            (ObjectMeta(annotations: [annotation: "u"]), false, "ours"),
            // An older object of the name is gone.
            (ObjectMeta(ownerReferences: [reference("a", uid: "old")]), false, "adoptable"),
            (ObjectMeta(labels: ["sie.dev/siepool": "a"], annotations: [annotation: "old"]), false, "adoptable"),
            (ObjectMeta(labels: ["sie.dev/siepool": "a"]), false, "adoptable"),
            (ObjectMeta(annotations: ["sie.dev/adopt": "true"]), false, "adoptable"),
            // Somebody has made it in the place of ours.
            (ObjectMeta(labels: ["sie-gateway/pool": "a"]), true, "adoptable"),
            (ObjectMeta(labels: ["sie-gateway/pool": "a"]), false, "foreign"),
            (ObjectMeta(annotations: ["sie.dev/adopt": "false"]), false, "foreign"),
            (ObjectMeta(ownerReferences: [reference("b", uid: "v")]), true, "foreign"),
            (ObjectMeta(ownerReferences: [reference("a", uid: "v", kind: "Other")]), true, "foreign"),
            (ObjectMeta(labels: ["sie.dev/siepool": "b"], annotations: [annotation: "v"]), true, "foreign"),
            (
                ObjectMeta(annotations: ["sie.dev/adopt": "true"], ownerReferences: [reference("b", uid: "v")]), false,
                "foreign"
            ),
        ]
        for (metadata, wasPublished, expected) in cases {
            let ownership = PoolOwnership(of: metadata, for: pool(), wasPublished: wasPublished)
            let word =
                switch ownership {
                case .ours: "ours"
                case .adoptable: "adoptable"
                case .foreign: "foreign"
                }
            #expect(word == expected, "\(metadata)")
        }
    }

    @Test("a label can hold the beginning of any object's name")
    func labels() {
        #expect(PoolObjects.ownerName(pool("a")) == "a")
        let long = String(repeating: "a", count: 62) + ".b"
        #expect(PoolObjects.ownerName(pool(long, poolName: "p")) == String(repeating: "a", count: 62))
    }

    // MARK: Machine profiles

    private func bundle(_ profiles: [String]?) -> SIEBundle {
        SIEBundle(
            spec: .init(adapters: ["a"], workerGroups: profiles?.map { .init(machineProfile: $0) }))
    }

    @Test("profiles are unknown only where somebody says which ones there are")
    func profiles() {
        func unknown(_ bundles: [SIEBundle], _ configured: [String]?) -> [String] {
            let gateways = configured.map { names in
                PoolDocument(
                    .init(name: "default", gpus: Dictionary(uniqueKeysWithValues: names.map { ($0, 999) })), now: 0)
            }
            let known = KnownProfiles(bundles: bundles, defaultPool: gateways)
            return known.unknown(
                in: .init(gpus: ["l4", "t4"].map { .init(machineProfile: $0, count: 1) }))
        }
        #expect(unknown([], nil) == [] && unknown([], []) == [])
        #expect(unknown([bundle(nil)], nil) == [])
        #expect(unknown([bundle(["l4"]), bundle(nil)], nil) == [], "its workers come from elsewhere")
        #expect(unknown([bundle(["l4"])], nil) == ["t4"])
        #expect(unknown([bundle(["l4"]), bundle(["t4"])], nil) == [])
        #expect(unknown([bundle(nil)], ["L4"]) == ["t4"], "gateways compare without case")
        #expect(unknown([bundle(["t4"])], ["l4"]) == [])
    }

    // MARK: Changes of the objects

    @Test("a pool is looked at again when its objects go or say something else, not when they are renewed")
    func changes() throws {
        let document = #"{"spec":{"name":"a"},"status":{"state":"pending","last_renewed":1}}"#
        let map = ConfigMap(
            metadata: ObjectMeta(
                name: "sie-pool-a", namespace: "n", labels: ["sie.dev/siepool": "cut"],
                ownerReferences: [reference("owner", uid: "u")]), data: ["pool.json": document])
        func found(_ change: (inout ConfigMap) -> Void) -> String? {
            var new = map
            new.metadata.resourceVersion = "2"
            change(&new)
            return PoolObjectChange.pool(.updated(from: map, to: new))?.description
        }
        #expect(found { _ in } == nil)
        #expect(found { $0.data = ["pool.json": document.replacing("1}}", with: "2.5}}")] } == nil)
        #expect(found { $0.data = ["pool.json": document.replacing("pending", with: "active")] } == "n/owner")
        #expect(found { $0.data = ["pool.json": "{"] } == "n/owner")
        #expect(found { $0.data = nil } == "n/owner")
        #expect(found { $0.metadata.labels["x"] = "y" } == "n/owner")
        #expect(found { $0.metadata.ownerReferences = [] } == "n/cut")
        #expect(PoolObjectChange.pool(.deleted(map, isMissed: true))?.name == "owner")
        #expect(PoolObjectChange.pool(.added(map)) == nil)

        let lease = Lease(metadata: map.metadata, spec: .init(holderIdentity: "sie-operator/a/1"))
        func taken(by holder: String?) -> String? {
            var new = lease
            new.spec?.holderIdentity = holder
            new.spec?.renewTime = MicroTime(secondsSince1970: 9)
            return PoolObjectChange.pool(.updated(from: lease, to: new))?.name
        }
        #expect(taken(by: "sie-operator/a/1") == nil && taken(by: "sie-operator/b/2") == nil)
        #expect(taken(by: "a-gateway") == "owner")
        #expect(PoolObjectChange.pool(.deleted(lease, isMissed: false))?.name == "owner")
    }
}
