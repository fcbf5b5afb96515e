import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What the operator asks of the API server, by that server's own audit log, held against its role in both directions
/// (Kubernetes contract 8.2, test 17): what is asked for is allowed, and what is allowed is asked for.
@Suite(
    "Recorded calls of the operator",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(3)))
struct RecordedCallsTests {
    /// Rights that no request shows, and why the operator has them.
    private static let unrecorded = [
        // What bundles own holds up its owner's deletion. Clusters with the admission plugin
        // OwnerReferencesPermissionEnforcement ask for this right where such an object is made; no request is logged.
        "update siebundles/finalizers sie.dev"
    ]

    private static var granted: Set<String> {
        var all: Set<String> = []
        for rule in OperatorStack.rules {
            for group in rule.groups {
                for resource in rule.resources { for verb in rule.verbs { all.insert("\(verb) \(resource) \(group)") } }
            }
        }
        return all
    }

    private func requests(_ stack: OperatorStack, from offset: Int = 0) -> [KubernetesAPIServer.AuditedRequest] {
        stack.server.auditedRequests(of: "sie-operator", in: stack.namespace, from: offset)
    }

    private static let spec: JSONValue = [
        "adapters": ["acme.extra"], "image": ["repository": "r.example/sie", "tag": "1", "prepull": true],
        "workerGroups": [
            ["machineProfile": "l4", "minReplicas": 0, "maxReplicas": 3],
            ["machineProfile": "cpu", "minReplicas": 1, "maxReplicas": 2, "scaling": ["engine": "None"]],
        ],
    ]

    @Test("every request of a life of models, pools, bundles and leaders is allowed, and every right is used")
    func calls() async throws {
        let server = try await KubernetesAPIServer()
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: 1, profiles: "l4,t4", server: server)
        try await stack.installKEDA()
        let config = try await stack.startConfigService()
        let first = try await stack.startOperator()

        try await models(stack)
        try await pools(stack)
        try await bundles(stack)
        try await rest(stack, first)

        let all = requests(stack)
        let refused = all.filter { $0.status == 401 || $0.status == 403 }
        #expect(refused.isEmpty, "\(refused.map { "\($0.verb) \($0.resource) \($0.name ?? "")" })")
        var used: Set<String> = []
        for request in all {
            used.insert("\(request.verb) \(request.resource) \(request.group)")
            if request.hasCreated { used.insert("create \(request.resource) \(request.group)") }
        }
        let unused = Self.granted.subtracting(used).subtracting(Self.unrecorded)
        #expect(used.subtracting(Self.granted) == [], "asked for, and in no rule")
        #expect(unused == [], "in a rule, and never asked for")
        print("RECORDED CALLS: \(all.count) requests, \(used.count) kinds of them, all by \(Self.granted.count) rights")
        withExtendedLifetime(config) {}
    }

    // MARK: Lives

    private func models(_ stack: OperatorStack) async throws {
        try await stack.apply("mini", modelID: "acme/mini")
        try await stack.apply("gone", modelID: "acme/gone", spec: [JSONMember("deletionPolicy", "Delete")])
        for name in ["mini", "gone"] {
            try await stack.wait(for: name, "Ready", "True", "Routable", within: .seconds(40))
        }
        try await stack.delete("gone")
        try await eventually("the model's end") { try await !stack.isThere("gone") }
    }

    private func pools(_ stack: OperatorStack) async throws {
        try await stack.applyPool("tenant-a", spec: [JSONMember("ttlSeconds", 1200)])
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        // Twice, so that there is a series of events.
        for _ in 0..<2 {
            let uid = try await stack.poolConfigMap("tenant-a")?["metadata"]?["uid"]
            try await stack.deletePoolConfigMap("tenant-a")
            try await eventually("the ConfigMap") { () -> Bool in
                guard let map = try await stack.poolConfigMap("tenant-a") else { return false }
                return map["metadata"]?["uid"] != uid
            }
        }
        try await stack.applyPool(
            "brief",
            spec: [JSONMember("expiresAt", "2026-01-01T00:00:00Z"), JSONMember("onExpire", "DeleteResource")])
        try await eventually("the end of a pool whose time is up") { try await stack.pool("brief") == nil }
        try await stack.applyPool("tenant-b")
        try await stack.waitForPool("tenant-b", "Ready", "True", "Dormant")
        try await stack.deletePool("tenant-b")
        try await eventually("the pool's end") { try await stack.pool("tenant-b") == nil }
    }

    private func bundles(_ stack: OperatorStack) async throws {
        try await stack.applyBundle("extra", Self.spec)
        // It stays, for a look at a world that does not change.
        try await stack.applyBundle("quiet", Self.spec)
        for name in ["extra", "quiet"] { try await stack.waitForBundle(name, "DefinitionPublished", "Synced") }
        try await stack.deliverBundles()
        for name in ["extra", "quiet"] { try await stack.waitForBundle(name, "Advertised", "Matches") }
        try await eventually("the workers of the quiet one") { try await stack.workerSet("quiet", "cpu") != nil }
        try await stack.reportWorkers("quiet", "cpu", 1)
        try await eventually("workers") { () -> Bool in
            guard let workers = try await stack.workerSet("extra", "cpu") else { return false }
            return workers["spec"]?["replicas"] == 1
        }
        // More workers without KEDA, another image, and a service that is made anew.
        try await stack.changeBundle(
            "extra",
            [
                "spec": [
                    "image": ["tag": "2"],
                    "workerGroups": [
                        ["machineProfile": "l4", "minReplicas": 0, "maxReplicas": 3],
                        ["machineProfile": "cpu", "minReplicas": 2, "maxReplicas": 2, "scaling": ["engine": "None"]],
                    ],
                ]
            ])
        try await eventually("two workers of the new image") { () -> Bool in
            let workers = try await stack.workerSet("extra", "cpu")
            let image = workers?["spec"]?["template"]?["spec"]?["containers"]?.arrayValue?.first?["image"]
            return image == "r.example/sie:2" && workers?["spec"]?["replicas"] == 2
        }
        try await stack.reportWorkers("extra", "cpu", 2)
        try await drift(stack)
        try await stack.deleteBundle("extra")
        try await eventually("workers are sent home") { () -> Bool in
            guard let workers = try await stack.workerSet("extra", "cpu") else { return true }
            return workers["spec"]?["replicas"] == 0
        }
        if try await stack.workerSet("extra", "cpu") != nil { try await stack.reportWorkers("extra", "cpu", 0) }
        try await eventually("the bundle's end", within: .seconds(30)) { try await stack.bundle("extra") == nil }
    }

    /// Somebody changes what bundles own.
    private func drift(_ stack: OperatorStack) async throws {
        let place = "/api/v1/namespaces/\(stack.namespace)/services/sie-worker-extra"
        let budgets = "/apis/policy/v1beta1/namespaces/\(stack.namespace)/poddisruptionbudgets"
        for path in [place, "\(budgets)/sie-worker-extra-cpu"]
        where try await stack.server.request("GET", path).status == 200 {
            try await stack.server.send(
                "PATCH", path, ["metadata": ["labels": .null]], type: "application/merge-patch+json")
        }
        let scaled = "/apis/keda.sh/v1alpha1/namespaces/\(stack.namespace)/scaledobjects/sie-worker-extra-l4-scaler"
        try await stack.server.send(
            "PATCH", scaled, ["spec": ["maxReplicaCount": .null]], type: "application/merge-patch+json")
        try await eventually("what somebody took away") { () -> Bool in
            try await stack.server.send("GET", scaled)["spec"]?["maxReplicaCount"] == 3
        }
    }

    /// What an unchanged world is written (8.2, test 10): by another process over the same objects, nothing but who leads
    /// and who renews pools; by a look that somebody asks for, nothing but that it was taken.
    private func rest(_ stack: OperatorStack, _ first: ProductProcess) async throws {
        first.signal(SIGTERM)
        #expect(try await first.exitStatus(within: .seconds(20)) == 0)
        let start = stack.server.auditLength
        let second = try await stack.startOperator()
        let holder = try await stack.poolLease("tenant-a")?["spec"]?["holderIdentity"]
        try await eventually("the pool's new holder") { () -> Bool in
            try await stack.poolLease("tenant-a")?["spec"]?["holderIdentity"] != holder
        }
        try await stack.touch("mini")
        try await eventually("the answer to the annotation") { () -> Bool in
            let model = try await stack.model("mini")
            let asked = model["metadata"]?["annotations"]?["sie.dev/reconcile-at"]
            return model["status"]?["lastHandledReconcileAt"] == asked
        }
        try await Task.sleep(for: .seconds(2))
        let written = requests(stack, from: start).filter(\.isWrite).filter {
            !($0.resource == "leases" && $0.name == "sie-operator.sie.dev")
        }
        #expect(
            written.map { "\($0.resource) \($0.name ?? "")" }.sorted() == [
                "leases sie-pool-lease-tenant-a", "siemodels/status mini",
            ])
        second.signal(SIGTERM)
        #expect(try await second.exitStatus(within: .seconds(20)) == 0)
    }
}
