import CurlClient
import Foundation
import Gateway
import JSONStream
import Kubernetes
import Logging
import Observability
import ServiceLifecycle
import TestSupport
import Testing

@Suite(
    "Pools that gateways share through a real API server",
    .enabled(if: KubernetesAPIServer.isInstalled, "no kube-apiserver"), .timeLimit(.minutes(2)))
struct SharedPoolsTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// The pools of one gateway, for the length of `body`.
    static func gateway(
        _ namespace: KubernetesNamespace, workers: [WorkerRecord] = [],
        body: @Sendable (PoolDirectory) async throws -> Void
    ) async throws {
        let shared = SharedPools(
            client: try namespace.client(), namespace: namespace.name, holder: UUID().uuidString, logger: logger)
        let pools = PoolDirectory(
            configuredMachineProfiles: ["l4"], hasDefaultPool: true, shared: shared, interval: .milliseconds(50),
            metrics: PoolMetrics(registry: MetricsRegistry()), logger: logger,
            fleet: { WorkerSnapshot(workers) }, fleetChanges: AsyncStream.makeStream(), publish: { _ in })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await pools.run() }
            try await body(pools)
            tasks.cancelAll()
        }
    }

    static func names(_ pools: PoolDirectory) -> [String] { pools.all.map(\.name).sorted() }

    @Test("what one gateway makes, renews and deletes, the other one has, and a new one too")
    func together() async throws {
        let namespace = try await KubernetesNamespace()
        try await Self.gateway(namespace) { first in
            try await Self.gateway(namespace) { second in
                let made = try await first.create(PoolTableTests.specification("a", [("l4", 2)], seconds: 600))
                try await eventually("the pool on the other gateway") { Self.names(second).contains("a") ? () : nil }
                let document = try #require(try await namespace.document("a"))
                #expect(document["spec"] == made.specification.document)
                #expect(document["status"]?["created_at"]?.doubleValue == made.createdAt)
                let lease = try #require(try await namespace.lease("a"))
                #expect(lease["spec"]?["leaseDurationSeconds"] == 600)

                #expect(await second.renew("a"))
                let renewed = try #require(try await namespace.document("a"))
                let stamp = try #require(renewed["status"]?["last_renewed"]?.doubleValue)
                #expect(stamp > made.lastRenewed)
                let later = try #require(try await namespace.lease("a"))
                #expect(later["spec"]?["renewTime"] != lease["spec"]?["renewTime"])
                #expect(later["spec"]?["acquireTime"] == lease["spec"]?["acquireTime"], "it is the same lease")
                #expect(later["spec"]?["holderIdentity"] != lease["spec"]?["holderIdentity"])
                try await eventually("the renewal on the first gateway") {
                    await first.pool(named: "a")?.lastRenewed == stamp ? () : nil
                }
                try await Self.gateway(namespace) { third in
                    try await eventually("the pool on a new gateway") { Self.names(third).contains("a") ? () : nil }
                }
                #expect(await second.delete("a") == .deleted)
                #expect(try await namespace.configMap("a") == nil)
                #expect(try await namespace.lease("a") == nil)
                try await eventually("the deletion on the first gateway") {
                    Self.names(first) == ["default"] ? () : nil
                }
                #expect(await first.renew("a") == false)
            }
        }
    }

    @Test("a pool that gateways make at once is one pool, with what the faster one was asked for")
    func race() async throws {
        let namespace = try await KubernetesNamespace()
        try await Self.gateway(namespace) { first in
            try await Self.gateway(namespace) { second in
                for round in 0..<5 {
                    async let one = first.create(PoolTableTests.specification("race-\(round)", [("l4", 1)]))
                    async let other = second.create(PoolTableTests.specification("race-\(round)", [("l4", 2)]))
                    let counts = [try await one, try await other].map { $0.specification.requirements.first?.count }
                    let stored = try await namespace.document("race-\(round)")
                    let count = stored?["spec"]?["gpus"]?["l4"]?.intValue
                    #expect(counts == [count, count])
                }
            }
        }
    }

    @Test("a pool that has just been made elsewhere is found before the watch tells of it")
    func readThrough() async throws {
        let namespace = try await KubernetesNamespace()
        try await Self.gateway(namespace) { first in
            // This one does not run, so nothing tells it anything.
            let shared = SharedPools(
                client: try namespace.client(), namespace: namespace.name, holder: "x", logger: Self.logger)
            let deaf = PoolDirectory(
                configuredMachineProfiles: [], hasDefaultPool: false, shared: shared,
                metrics: PoolMetrics(registry: MetricsRegistry()), logger: Self.logger,
                fleet: { WorkerSnapshot([]) }, fleetChanges: AsyncStream.makeStream(), publish: { _ in })
            for name in ["a", "b", "c"] { _ = try await first.create(PoolTableTests.specification(name)) }
            #expect(await deaf.pool(named: "a") != nil)
            #expect(await deaf.renew("b"))
            #expect(await deaf.delete("c") == .deleted)
            #expect(await deaf.pool(named: "d") == nil)
            #expect(await deaf.delete("d") == .unknown)
        }
    }

    @Test("a pool that any gateway renews lives on in all of them; one that none renews ends everywhere")
    func timeToLive() async throws {
        let namespace = try await KubernetesNamespace()
        try await Self.gateway(namespace) { first in
            try await Self.gateway(namespace) { second in
                for name in ["kept", "left"] {
                    _ = try await first.create(PoolTableTests.specification(name, seconds: 1))
                }
                // The Lease counts whole seconds, so the end may come a second later.
                let ended = Task {
                    try await eventually("the end of the pool that nobody renews") {
                        !Self.names(first).contains("left") && !Self.names(second).contains("left") ? () : nil
                    }
                }
                while !ended.isCancelled {
                    #expect(await second.renew("kept"))
                    try await Task.sleep(for: .milliseconds(300))
                    if !Self.names(first).contains("left"), !Self.names(second).contains("left") { break }
                }
                try await ended.value
                #expect(Self.names(first) == ["default", "kept"])
                #expect(Self.names(second) == ["default", "kept"])
                #expect(try await namespace.configMap("left") == nil)
                try await eventually("the end of its Lease") { try await namespace.lease("left") == nil ? () : nil }
                #expect(try await namespace.configMap("kept") != nil)
            }
        }
    }

    @Test("a pool that the operator owns is used, and neither renewed, ended nor deleted by gateways")
    func owned() async throws {
        let namespace = try await KubernetesNamespace()
        let document = #"{"spec":{"name":"a","gpus":{"l4":1},"ttl_seconds":1},"status":{"state":"pending"}}"#
        try await namespace.writePool("a", document: document, owner: "mine")
        try await Self.gateway(namespace) { gateway in
            try await eventually("the operator's pool") { Self.names(gateway).contains("a") ? () : nil }
            let before = try await namespace.configMap("a")?["metadata"]?["resourceVersion"]
            #expect(await gateway.renew("a"))
            #expect(await gateway.delete("a") == .managed)
            // Long past its time to live, as it was never renewed; several looks later it is still there.
            try await Task.sleep(for: .milliseconds(300))
            #expect(Self.names(gateway) == ["a", "default"])
            #expect(try await namespace.configMap("a")?["metadata"]?["resourceVersion"] == before)
        }
    }

    @Test("documents that are no pools are left alone, and so is everything beside them")
    func foreign() async throws {
        let namespace = try await KubernetesNamespace()
        try await namespace.writePool("broken", document: "{")
        try await namespace.writePool("renamed", document: #"{"spec":{"name":"a"},"status":{"state":"active"}}"#)
        try await Self.gateway(namespace) { gateway in
            _ = try await gateway.create(PoolTableTests.specification("b"))
            #expect(Self.names(gateway) == ["b", "default"])
            #expect(try await namespace.document("default")?["spec"]?["gpus"]?["l4"] == 999)
            #expect(try await namespace.lease("default") == nil)
            #expect(await gateway.delete("default") == .protected)
            let name = PoolTable.Refusal.unsuitableName
            await #expect(throws: name) { _ = try await gateway.create(PoolTableTests.specification("A_b")) }
        }
        #expect(try await namespace.configMap("broken") != nil)
        #expect(try await namespace.configMap("renamed") != nil)
    }

    @Test("the ConfigMap says which workers a pool was given, and its age stays as it is")
    func assignment() async throws {
        let namespace = try await KubernetesNamespace()
        let workers = PoolWorkers.records([PoolWorkers.worker("w1")])
        try await Self.gateway(namespace, workers: workers) { gateway in
            let made = try await gateway.create(PoolTableTests.specification("a"))
            #expect(made.state == .active)
            let status = try await eventually("the assignment") {
                let status = try await namespace.document("a")?["status"]
                return status?["assigned_workers"] == [["name": "w1", "url": "http://w1", "gpu": "l4"]] ? status : nil
            }
            #expect(status["state"] == "active")
            #expect(status["last_renewed"]?.doubleValue == made.lastRenewed)
        }
    }

    @Test("a Lease that was left behind goes when its time is up")
    func orphan() async throws {
        let namespace = try await KubernetesNamespace()
        let leases = "/apis/coordination.k8s.io/v1/namespaces/\(namespace.name)/leases"
        for (pool, holder) in [("left", "gone"), ("held", "sie-operator/pod/uid")] {
            try await namespace.server.send(
                "POST", leases,
                [
                    "metadata": [
                        "name": .string("sie-pool-lease-\(pool)"),
                        "labels": ["app.kubernetes.io/managed-by": "sie-gateway", "sie-gateway/pool": .string(pool)],
                    ],
                    "spec": [
                        "holderIdentity": .string(holder), "leaseDurationSeconds": 1,
                        "renewTime": "2026-01-01T00:00:00.000000Z",
                    ],
                ])
        }
        try await Self.gateway(namespace) { _ in
            try await eventually("the end of the Lease") { try await namespace.lease("left") == nil ? () : nil }
            #expect(try await namespace.lease("held") != nil)
        }
    }

    @Test("without an API server a gateway keeps its pools to itself and ends none")
    func unreachable() async throws {
        let client = KubernetesClient(
            ClusterConfiguration(server: "https://127.0.0.1:\(try NATSServerProcess.freePort())", proxy: .none),
            curl: try CurlClient(), options: Self.impatient)
        let shared = SharedPools(client: client, namespace: "n", holder: "x", logger: Self.logger)
        let pools = PoolDirectory(
            configuredMachineProfiles: [], hasDefaultPool: false, shared: shared, interval: .milliseconds(20),
            metrics: PoolMetrics(registry: MetricsRegistry()), logger: Self.logger,
            fleet: { WorkerSnapshot([]) }, fleetChanges: AsyncStream.makeStream(), publish: { _ in })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await pools.run() }
            _ = try await pools.create(PoolTableTests.specification("a", seconds: 0))
            #expect(await pools.renew("a"))
            try await Task.sleep(for: .milliseconds(200))
            #expect(Self.names(pools) == ["a"])
            #expect(await pools.delete("a") == .deleted)
            #expect(pools.all.isEmpty)
            tasks.cancelAll()
        }
    }

    private static var impatient: KubernetesClient.Options {
        var options = KubernetesClient.Options()
        options.retries = RetryPolicy(retries: 0)
        return options
    }
}
