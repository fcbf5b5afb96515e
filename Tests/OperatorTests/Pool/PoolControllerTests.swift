import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Pools from `kubectl apply` to every gateway, with the real programs on a real API server.
@Suite(
    "SIEPools on a real API server, with gateways",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(5)))
struct PoolControllerTests {
    /// Whether tests are wanted that take minutes, because times to live begin with one.
    static let hasTime: Bool = {
        let isWanted = ProcessInfo.processInfo.environment["SIE_TEST_LONG"] != nil
        if !isWanted { print("SKIPPED: three times a pool's time to live takes minutes; set SIE_TEST_LONG=1") }
        return isWanted
    }()

    private func stack(gateways: Int = 2) async throws -> OperatorStack {
        try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: gateways, profiles: "l4,t4")
    }

    @Test("a pool is Ready when every gateway knows it, is there again within a second, changes, scales and goes")
    func life() async throws {
        let stack = try await stack()
        let program = try await stack.startOperator()
        try await stack.applyPool("tenant-a")
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        let pool = try #require(try await stack.pool("tenant-a"))
        #expect(KStatus(of: pool) == .current)
        #expect(pool["status"]?["gateways"]?["total"] == 2 && pool["status"]?["gateways"]?["seeing"] == 2)
        #expect(pool["metadata"]?["finalizers"] == ["sie.dev/pool-lease"])
        for view in try await stack.gatewayViews(of: "tenant-a") {
            #expect(view.status == 200 && view.body["spec"]?["gpus"] == ["l4": 2])
        }
        let map = try #require(try await stack.poolConfigMap("tenant-a"))
        #expect(map["metadata"]?["ownerReferences"]?.arrayValue?.first?["uid"] == pool["metadata"]?["uid"])
        let holder = try await stack.poolLease("tenant-a")?["spec"]?["holderIdentity"]?.stringValue ?? ""
        #expect(holder.hasPrefix("sie-operator/"))

        // Whoever deletes what gateways know the pool by is answered at once.
        for _ in 0..<3 {
            let uid = try await stack.poolConfigMap("tenant-a")?["metadata"]?["uid"]
            let began = ContinuousClock.now
            try await stack.deletePoolConfigMap("tenant-a")
            try await eventually("the ConfigMap") { () -> Bool in
                guard let map = try await stack.poolConfigMap("tenant-a") else { return false }
                return map["metadata"]?["uid"] != uid
            }
            #expect(began.duration(to: .now) < .seconds(1))
        }
        try await stack.deletePoolLease("tenant-a")
        try await eventually("the Lease") { try await stack.poolLease("tenant-a") != nil }
        try await eventually("the events") { () -> Bool in
            try await stack.eventReasons().isSuperset(of: ["PoolPublished", "PoolRecreated", "PoolSweptByGateway"])
        }
        try await eventually("the pool at every gateway") { () -> Bool in
            try await stack.gatewayViews(of: "tenant-a").allSatisfy { $0.status == 200 }
        }

        // Nobody but the operator ends it, and clients are told so.
        let refusal = try await HTTPTestClient(port: stack.gateways[0].port).send(.DELETE, "/v1/pools/tenant-a")
        #expect(refusal.status == 409)

        try await stack.changePool("tenant-a", spec: ["minimumWorkerCount": 1, "ttlSeconds": 120])
        try await stack.waitForPool("tenant-a", "Ready", "False", "WorkersMissing")
        try await eventually("the change at every gateway") { () -> Bool in
            try await stack.gatewayViews(of: "tenant-a").allSatisfy { $0.body["spec"]?["ttl_seconds"] == 120 }
        }
        let scale = try await stack.poolScale("tenant-a")
        #expect(scale["spec"]?["replicas"] == 1 && scale["status"]?["replicas"] == 0)
        #expect(scale["status"]?["selector"] == "sie.superlinked.com/machine-profile in (l4)")

        try await stack.deletePool("tenant-a")
        try await eventually("the object's end") { try await stack.pool("tenant-a") == nil }
        #expect(try await stack.poolConfigMap("tenant-a") == nil)
        #expect(try await stack.poolLease("tenant-a") == nil)
        for view in try await stack.gatewayViews(of: "tenant-a") { #expect(view.status == 404) }
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
    }

    @Test("what cannot be a pool says why: machines that nobody has, a client's pool of its name, another SIEPool's")
    func stalled() async throws {
        let stack = try await stack(gateways: 1)
        let client = HTTPTestClient(port: stack.gateways[0].port)
        let taken = try await client.post(
            "/v1/pools", headers: ["content-type": "application/json"],
            body: ByteBuffer(string: #"{"name":"taken","gpus":{"l4":1},"ttl_seconds":600}"#))
        #expect(taken.status == 201)
        try await eventually("the gateways' own pool") { try await stack.poolConfigMap("default") != nil }
        let program = try await stack.startOperator()
        try await stack.applyPool("taken")
        try await stack.waitForPool("taken", "Stalled", "True", "ConflictingOwner")
        #expect(try await stack.poolConfigMap("taken")?["metadata"]?["ownerReferences"] == nil)

        try await stack.applyPool("first", spec: [JSONMember("poolName", "shared")])
        try await stack.waitForPool("first", "Ready", "True", "Dormant")
        try await stack.applyPool("second", spec: [JSONMember("poolName", "shared")])
        let message = try await stack.waitForPool("second", "Stalled", "True", "ConflictingOwner")
        #expect(message.contains("first"))

        try await stack.applyPool("unknown", spec: [JSONMember("gpus", [["machineProfile": "b200", "count": 1]])])
        let profiles = try await stack.waitForPool("unknown", "Stalled", "True", "UnknownProfile")
        #expect(profiles.contains("b200") && profiles.contains("l4, t4"))
        #expect(try await stack.poolConfigMap("unknown") == nil)
        _ = program
    }

    @Test("a gateway that does not answer is named, and clients' renewals are told")
    func gateways() async throws {
        let stack = try await stack()
        let program = try await stack.startOperator()
        stack.gateways[1].signal(SIGSTOP)
        defer { stack.gateways[1].signal(SIGCONT) }
        try await stack.applyPool("clients", spec: [JSONMember("renewal", "ClientRenewed")])
        let message = try await stack.waitForPool("clients", "Ready", "False", "NotVisible")
        #expect(message.contains("gateway-1") && !message.contains("gateway-0"))
        stack.gateways[1].signal(SIGCONT)
        try await stack.waitForPool("clients", "Ready", "True", "Dormant", within: .seconds(40))

        let before = try await stack.poolLease("clients")?["spec"]
        #expect(before?["holderIdentity"] == "siepool")
        let renewal = try await HTTPTestClient(port: stack.gateways[0].port).send(.POST, "/v1/pools/clients/renew")
        #expect(renewal.status == 200)
        let after = try await stack.poolLease("clients")?["spec"]
        #expect(after?["renewTime"] != before?["renewTime"] && after?["holderIdentity"] != "siepool")
        try await stack.deletePool("clients")
        try await eventually("the object's end") { try await stack.pool("clients") == nil }
        #expect(try await stack.poolConfigMap("clients") == nil)
        _ = program
    }

    @Test(
        "a pool outlives three times its time to live with two gateways, and an operator that changes within",
        .enabled(if: PoolControllerTests.hasTime))
    func timeToLive() async throws {
        let stack = try await stack()
        let first = try await stack.startOperator()
        try await stack.applyPool("tenant-a")
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        let uid = try await stack.poolConfigMap("tenant-a")?["metadata"]?["uid"]
        let second = try await stack.startOperator()
        let end = ContinuousClock.now + .seconds(200)
        var isFirst = true
        while .now < end {
            if isFirst, .now + .seconds(120) > end {
                isFirst = false
                try await first.kill()
            }
            let views = try await stack.gatewayViews(of: "tenant-a")
            #expect(views.allSatisfy { $0.status == 200 })
            try await Task.sleep(for: .seconds(1))
        }
        #expect(try await stack.poolConfigMap("tenant-a")?["metadata"]?["uid"] == uid)
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        second.signal(SIGTERM)
        #expect(try await second.exitStatus(within: .seconds(20)) == 0)
    }
}
