import CurlClient
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import NIOHTTP1
import Observability
import Operator
import TestSupport
import Testing

/// The reconciler's requests, one by one, against a server that records them, and a gateway that knows what is there.
@Suite("Reconciler of pools", .timeLimit(.minutes(1)))
struct PoolReconcilerTests {
    private static let pools = "/apis/sie.dev/v1alpha1/siepools"
    private static let configMaps = "/api/v1/configmaps"
    private static let leases = "/apis/coordination.k8s.io/v1/leases"
    private static let start = 1_800_000_000.25

    private final class Rig: Sendable {
        let kubernetes: FakeKubernetesAPIServer
        let gateway: LoopbackHTTPServer
        let registry = MetricsRegistry()
        let clock = NIOLockedValueBox(PoolReconcilerTests.start)
        private let reconciler: PoolReconciler
        private let cluster: FakeCluster

        init() async throws {
            let kubernetes = try await FakeKubernetesAPIServer()
            self.kubernetes = kubernetes
            gateway = try await LoopbackHTTPServer { request, _ in
                let name = request.path.split(separator: "/").last ?? ""
                let map = kubernetes.object("sie-pool-\(name)", in: PoolReconcilerTests.configMaps, namespace: "n")
                return map?["data"]?["pool.json"]?.stringValue.map { .text($0) } ?? .text("{}", status: 404)
            }
            cluster = try FakeCluster(kubernetes, gatewayPort: gateway.port)
            let clock = clock
            reconciler = PoolReconciler(
                .init(
                    client: cluster.client, fleet: cluster.fleet,
                    prober: GatewayProber(cluster.curl, token: BearerToken(file: nil)), events: cluster.events,
                    ages: PoolAges(
                        registry.gauge("age", help: "", labels: ["namespace", "pool"]), registry: registry,
                        now: { clock.withLockedValue { $0 } }),
                    takeovers: registry.counter("takeovers", help: "").with(),
                    finalizerTimeouts: registry.counter("timeouts", help: "").with(), holder: "sie-operator/pod/1",
                    find: { key in
                        kubernetes.object(key.name, in: PoolReconcilerTests.pools, namespace: "n").flatMap {
                            try? $0.decode(SIEPool.self)
                        }
                    }, bundles: { _ in [] }, now: { clock.withLockedValue { $0 } }))
        }

        func run(_ body: () async throws -> Void) async throws { try await cluster.run(body) }

        func put(_ name: String, spec extra: [JSONMember] = []) {
            kubernetes.put(
                [
                    "metadata": ["name": .string(name), "generation": 1],
                    "spec": .object(
                        [
                            JSONMember("gpus", [["machineProfile": "l4", "count": 2]]), JSONMember("ttlSeconds", 600),
                        ] + extra),
                ], in: PoolReconcilerTests.pools, namespace: "n")
        }

        /// What a DELETE does to an object that has a finalizer.
        func markDeleted(_ name: String) {
            guard let object = kubernetes.object(name, in: PoolReconcilerTests.pools, namespace: "n") else { return }
            kubernetes.put(
                MergePatch.apply(["metadata": ["deletionTimestamp": "2027-01-15T08:00:00Z"]], to: object),
                in: PoolReconcilerTests.pools, namespace: "n")
        }

        @discardableResult
        func reconcile(_ name: String) async throws -> ReconcileResult {
            try await reconciler.reconcile(ObjectKey(namespace: "n", name: name), FakeCluster.logger)
        }

        func status(_ name: String) -> SIEPool.Status? {
            let object = kubernetes.object(name, in: PoolReconcilerTests.pools, namespace: "n")
            return (try? object?.decode(SIEPool.self))?.status
        }

        func configMap(_ pool: String) -> JSONValue? {
            kubernetes.object("sie-pool-\(pool)", in: PoolReconcilerTests.configMaps, namespace: "n")
        }

        func lease(_ pool: String) -> JSONValue? {
            kubernetes.object("sie-pool-lease-\(pool)", in: PoolReconcilerTests.leases, namespace: "n")
        }

        func exists(_ name: String) -> Bool {
            kubernetes.object(name, in: PoolReconcilerTests.pools, namespace: "n") != nil
        }

        /// What was written to the API server.
        var writes: [FakeKubernetesAPIServer.Request] { kubernetes.requests.filter { $0.method != "GET" } }

        /// Such as `PATCH siepools/a/status`.
        func writes(after count: Int = 0) -> [String] {
            writes.dropFirst(count).map { request in
                let path = request.path.split(separator: "/").drop { $0 != "n" }.dropFirst()
                return "\(request.method) \(path.joined(separator: "/"))"
            }
        }

        var metrics: String { String(decoding: registry.render(), as: UTF8.self) }
    }

    @Test("the object says that it is not ready and is claimed before anything else is written; then nothing is")
    func order() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            let result = try await rig.reconcile("a")
            guard case .requeueAfter(let wait) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(wait >= .seconds(180) && wait <= .seconds(200))
            #expect(
                rig.writes() == [
                    "PATCH siepools/a/status", "PATCH siepools/a", "POST configmaps", "POST leases",
                    "PATCH siepools/a/status",
                ])
            #expect(rig.writes.allSatisfy { $0.query["fieldManager"] == "sie-operator" })
            let began = rig.writes.first?.body["status"]?["conditions"]?.arrayValue?.first
            #expect(began?["type"] == "Ready" && began?["status"] == "Unknown")
            #expect(rig.status("a")?.conditions[.ready]?.reason == "Dormant")
            #expect(rig.gateway.requests.map(\.path) == ["/v1/pools/a"])
            let document = try JSONReader.decode(
                try #require(rig.configMap("a")?["data"]?["pool.json"]?.stringValue).utf8)
            #expect(document["spec"]?["gpus"] == ["l4": 2] && document["status"]?["state"] == "pending")
            #expect(rig.lease("a")?["spec"]?["renewTime"] == "2027-01-15T08:00:00.250000Z")
            #expect(rig.lease("a")?["spec"]?["holderIdentity"] == "sie-operator/pod/1")

            let count = rig.writes.count
            for _ in 0..<3 { try await rig.reconcile("a") }
            #expect(rig.writes.count == count)
            #expect(rig.metrics.contains("age{namespace=\"n\",pool=\"a\"} 0"))
        }
    }

    @Test("a renewal writes the ConfigMap, the Lease and the status, each under the version that was read")
    func renewal() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            try await rig.reconcile("a")
            let count = rig.writes.count
            rig.clock.withLockedValue { $0 += 200 }
            #expect(rig.metrics.contains("age{namespace=\"n\",pool=\"a\"} 200"))
            try await rig.reconcile("a")
            #expect(
                rig.writes(after: count) == [
                    "PATCH configmaps/sie-pool-a", "PATCH leases/sie-pool-lease-a", "PATCH siepools/a/status",
                ])
            #expect(rig.writes.dropFirst(count).allSatisfy { $0.body["metadata"]?["resourceVersion"] != nil })
        }
    }

    @Test("a gateway that writes at the same time makes the operator read again, and keeps what it wrote")
    func conflict() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            try await rig.reconcile("a")
            rig.clock.withLockedValue { $0 += 200 }
            let count = rig.writes.count
            rig.kubernetes.fail(.status(409, reason: "Conflict")) {
                $0.method == "PATCH" && $0.path.contains("configmaps")
            }
            try await rig.reconcile("a")
            #expect(rig.writes(after: count).count { $0 == "PATCH configmaps/sie-pool-a" } == 2)
            #expect(rig.status("a")?.lastRenewTime?.secondsSince1970 == Int64(Self.start) + 200)
        }
    }

    @Test("what the API server refuses is in the status, and comes again")
    func refused() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            rig.kubernetes.fail(.status(403, reason: "Forbidden")) {
                $0.method == "POST" && $0.path.contains("configmaps")
            }
            #expect(try await rig.reconcile("a") == .requeue)
            let status = try #require(rig.status("a"))
            #expect(status.conditions[.published]?.reason == "APIError")
            #expect(status.conditions[.published]?.message.contains("403") == true)
            #expect(status.conditions[.reconciling] != nil && rig.lease("a") == nil)
            _ = try await rig.reconcile("a")
            #expect(rig.status("a")?.conditions.isTrue(.ready) == true)
        }
    }

    @Test("a Lease that a gateway took is taken back and counted")
    func takeover() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            try await rig.reconcile("a")
            let lease = try #require(rig.lease("a"))
            rig.kubernetes.put(
                MergePatch.apply(["spec": ["holderIdentity": "a-gateway"]], to: lease), in: Self.leases, namespace: "n")
            try await rig.reconcile("a")
            #expect(rig.lease("a")?["spec"]?["holderIdentity"] == "sie-operator/pod/1")
            #expect(rig.lease("a")?["spec"]?["leaseTransitions"] == 1)
            #expect(rig.metrics.contains("takeovers 1"))
        }
    }

    @Test("a deleted pool's Lease goes before its ConfigMap, then the object; its metric goes, too")
    func deletion() async throws {
        let rig = try await Rig()
        rig.put("a")
        try await rig.run {
            try await rig.reconcile("a")
            rig.markDeleted("a")
            let count = rig.writes.count
            #expect(try await rig.reconcile("a") == .done)
            #expect(
                rig.writes(after: count) == [
                    "DELETE leases/sie-pool-lease-a", "DELETE configmaps/sie-pool-a", "PATCH siepools/a",
                ])
            #expect(!rig.exists("a") && rig.configMap("a") == nil && rig.lease("a") == nil)
            #expect(!rig.metrics.contains("pool=\"a\""))
        }
    }

    @Test("an object with the policy Orphan leaves a pool that gateways end as one of theirs")
    func orphan() async throws {
        let rig = try await Rig()
        rig.put("a", spec: [JSONMember("deletionPolicy", "Orphan")])
        try await rig.run {
            try await rig.reconcile("a")
            rig.markDeleted("a")
            #expect(try await rig.reconcile("a") == .done)
            #expect(!rig.exists("a"))
            for object in [rig.configMap("a"), rig.lease("a")] {
                let metadata = try #require(object?["metadata"])
                #expect(metadata["ownerReferences"] == nil && metadata["labels"]?["sie.dev/siepool"] == nil)
                #expect(metadata["labels"]?["sie-gateway/pool"] == "a")
            }
            #expect(rig.lease("a")?["spec"]?["holderIdentity"] == nil)
        }
    }

    @Test("an expired pool goes with its object where that is wanted")
    func expiry() async throws {
        let rig = try await Rig()
        rig.put(
            "a", spec: [JSONMember("expiresAt", "2027-01-15T08:01:00Z"), JSONMember("onExpire", "DeleteResource")])
        try await rig.run {
            try await rig.reconcile("a")
            rig.clock.withLockedValue { $0 += 61 }
            let count = rig.writes.count
            #expect(try await rig.reconcile("a") == .done)
            #expect(
                rig.writes(after: count) == [
                    "DELETE leases/sie-pool-lease-a", "DELETE configmaps/sie-pool-a", "DELETE siepools/a",
                ])
            #expect(rig.writes.last?.body["preconditions"]?["uid"] != nil)
        }
    }
}
