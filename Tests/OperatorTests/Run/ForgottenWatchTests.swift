import Foundation
import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import Operator
import TestSupport
import Testing

/// Every watch of the operator meets a server that has forgotten its version, and what was deleted meanwhile is found out
/// (Kubernetes contract 8.2, test 4). The program is the real one, the API server is one that forgets when it is told to.
@Suite("Watches whose version is forgotten", .timeLimit(.minutes(2)))
struct ForgottenWatchTests {
    private static let models = "/apis/sie.dev/v1alpha1/siemodels"
    private static let pools = "/apis/sie.dev/v1alpha1/siepools"
    private static let bundles = "/apis/sie.dev/v1alpha1/siebundles"
    private static let statefulSets = "/apis/apps/v1/statefulsets"
    private static let scaledObjects = "/apis/keda.sh/v1alpha1/scaledobjects"
    /// Models, pools, bundles, ConfigMaps, Leases, Endpoints, StatefulSets, ScaledObjects.
    private static let watchCount = 8

    /// The operator among servers that a test is.
    private final class World: Sendable {
        let kubernetes: FakeKubernetesAPIServer
        let metricsPort: Int
        private let config: LoopbackHTTPServer
        private let gateway: LoopbackHTTPServer
        private let file: URL
        let program: ProductProcess

        init() async throws {
            let kubernetes = try await FakeKubernetesAPIServer()
            self.kubernetes = kubernetes
            kubernetes.offer(["services", "configmaps", "pods"], in: "/api/v1")
            kubernetes.offer(["statefulsets", "daemonsets"], in: "/apis/apps/v1")
            kubernetes.offer(["poddisruptionbudgets"], in: "/apis/policy/v1beta1")
            kubernetes.offer(["scaledobjects"], in: "/apis/keda.sh/v1alpha1")
            let registered = NIOLockedValueBox<[UInt8]?>(nil)
            config = try await LoopbackHTTPServer { request, _ in
                let name = String(request.path.split(separator: "/").last ?? "")
                switch (request.method, request.path) {
                case ("POST", _):
                    registered.withLockedValue { $0 = request.body }
                    return .text(
                        #"{"created_profiles":["default"],"existing_profiles_skipped":[],"warnings":[]}"#, status: 201)
                case (_, "/v1/configs/epoch"): return .text(#"{"epoch":3,"bundles_hash":"h"}"#)
                case (_, "/v1/configs/bundles/\(name)"):
                    return .text("name: \(name)\npriority: 100\nadapters: [acme.\(name)]\n")
                default:
                    guard let document = registered.withLockedValue({ $0 }) else { return .text("{}", status: 404) }
                    return .reply(200, body: document)
                }
            }
            gateway = try await LoopbackHTTPServer { request, _ in
                let parts = request.path.split(separator: "/")
                if parts.contains("pools") {
                    let map = kubernetes.object(
                        "sie-pool-\(parts.last ?? "")", in: "/api/v1/configmaps", namespace: "n")
                    return map?["data"]?["pool.json"]?.stringValue.map { .text($0) } ?? .text("{}", status: 404)
                }
                guard parts.last == "status" else { return .text("{}", status: 404) }
                return .text(
                    #"{"config_epoch":3,"no_bundles":false,"bundles":[{"bundle_id":"default","#
                        + #""expected_bundle_config_hash":"x","total_eligible_workers":0,"acked_workers":[],"#
                        + #""pending_workers":[],"acked":false}]}"#)
            }
            Self.putObjects(kubernetes, gateway: gateway.port)
            file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).kubeconfig")
            let kubeconfig = """
                apiVersion: v1
                kind: Config
                clusters: [{name: test, cluster: {server: "\(kubernetes.url)"}}]
                contexts: [{name: test, context: {cluster: test, namespace: n}}]
                current-context: test

                """
            try Data(kubeconfig.utf8).write(to: file)
            let metricsPort = try NATSServerProcess.freePort()
            self.metricsPort = metricsPort
            let scaler = try NATSServerProcess.freePort()
            let configURL = config.url
            program = try await ProductProcess("sie-operator", environment: ["KUBECONFIG": file.path]) { port in
                [
                    "run", "--config-url", configURL, "--watch-namespace", "n",
                    "--health-probe-bind-address", "127.0.0.1:\(port)",
                    "--metrics-bind-address", "127.0.0.1:\(metricsPort)",
                    "--scaler-bind-address", "127.0.0.1:\(scaler)",
                ]
            }
        }

        deinit { try? FileManager.default.removeItem(at: file) }

        private static func putObjects(_ kubernetes: FakeKubernetesAPIServer, gateway port: Int) {
            func put(_ collection: String, _ name: String, _ spec: JSONValue, day: Int = 1) {
                kubernetes.put(
                    [
                        "metadata": [
                            "name": .string(name), "generation": 1,
                            "creationTimestamp": .string("2026-01-0\(day)T00:00:00Z"),
                        ], "spec": spec,
                    ], in: collection, namespace: "n")
            }
            let model: JSONValue = [
                "modelID": "acme/mini", "profiles": [["name": "default", "adapterPath": "acme.enc:A"]],
            ]
            put(ForgottenWatchTests.models, "older", model)
            put(ForgottenWatchTests.models, "younger", model, day: 2)
            let pool: JSONValue = ["gpus": [["machineProfile": "l4", "count": 2]], "ttlSeconds": 1200]
            put(ForgottenWatchTests.pools, "tenant-a", pool)
            put(ForgottenWatchTests.pools, "tenant-b", pool)
            put(ForgottenWatchTests.bundles, "older", ["bundleName": "same", "adapters": ["acme.same"]])
            put(ForgottenWatchTests.bundles, "younger", ["bundleName": "same", "adapters": ["acme.same"]], day: 2)
            put(
                ForgottenWatchTests.bundles, "kept",
                [
                    "adapters": ["acme.kept"], "image": ["repository": "r.example/sie"],
                    "workerGroups": [["machineProfile": "l4", "minReplicas": 0]],
                ])
            FakeCluster.putGateways(["gateway-0"], port: port, on: kubernetes)
        }

        func object(_ name: String, _ collection: String) -> JSONValue? {
            kubernetes.object(name, in: collection, namespace: "n")
        }

        /// Such as `True Routable`; nil where there is no such condition.
        func condition(_ name: String, _ collection: String, _ type: String) -> String? {
            let conditions = object(name, collection)?["status"]?["conditions"]?.arrayValue ?? []
            guard let condition = conditions.first(where: { $0["type"]?.stringValue == type }) else { return nil }
            return "\(condition["status"]?.stringValue ?? "") \(condition["reason"]?.stringValue ?? "")"
        }

        /// KEDA has taken the ScaledObject, so that the bundle is ready and is not looked at for minutes.
        func acceptScaledObject() {
            guard let scaled = object("sie-worker-kept-l4-scaler", ForgottenWatchTests.scaledObjects) else { return }
            let status: JSONValue = ["status": ["conditions": [["type": "Ready", "status": "True"]]]]
            kubernetes.put(MergePatch.apply(status, to: scaled), in: ForgottenWatchTests.scaledObjects, namespace: "n")
        }

        /// Deletes objects while no watch is told, and lets every watch find its version forgotten.
        func loseUnseen(_ objects: [(name: String, collection: String)]) async throws {
            kubernetes.stall(true)
            for object in objects { kubernetes.remove(object.name, in: object.collection, namespace: "n") }
            kubernetes.compact()
            kubernetes.stall(false)
            kubernetes.endWatches(.expired)
            try await eventually("all watches are there again") {
                kubernetes.watchCount == ForgottenWatchTests.watchCount
            }
        }
    }

    @Test("what is deleted while every watch is forgotten is missed at once, of every kind that is watched")
    func gaps() async throws {
        let world = try await World()
        try await eventually("all watches") { world.kubernetes.watchCount == Self.watchCount }
        try await eventually("the models") {
            world.condition("older", Self.models, "Ready") == "True Routable"
                && world.condition("younger", Self.models, "Stalled") == "True DuplicateModelID"
        }
        try await eventually("the pools") {
            ["tenant-a", "tenant-b"].allSatisfy { world.condition($0, Self.pools, "Ready") == "True Dormant" }
        }
        try await eventually("the workers") { world.object("sie-worker-kept-l4-scaler", Self.scaledObjects) != nil }
        world.acceptScaledObject()
        try await eventually("the bundles") {
            world.condition("kept", Self.bundles, "Ready") == "True Dormant"
                && world.condition("younger", Self.bundles, "Stalled") == "True DuplicateBundleName"
        }

        // First what bundles and pools own, then the objects themselves: an informer that has just begun anew waits longer.
        let leases = "/apis/coordination.k8s.io/v1/leases"
        let owned = [
            ("sie-pool-tenant-a", "/api/v1/configmaps"), ("sie-pool-lease-tenant-b", leases),
            ("sie-worker-kept-l4", Self.statefulSets), ("sie-worker-kept-l4-scaler", Self.scaledObjects),
        ]
        try await world.loseUnseen(owned)
        for (name, collection) in owned {
            try await eventually("\(name) is there again") { world.object(name, collection) != nil }
        }
        try await world.loseUnseen([("older", Self.models), ("older", Self.bundles), ("tenant-b", Self.pools)])
        try await eventually("the other model of the id") {
            world.condition("younger", Self.models, "Ready") == "True Routable"
        }
        try await eventually("the other bundle of the name") {
            world.condition("younger", Self.bundles, "Stalled") == nil
        }
        try await eventually("the pool's metrics go") { () -> Bool in
            let text = try await HTTPTestClient(port: world.metricsPort).send(.GET, "/metrics").text
            return text.contains(#"pool="tenant-a""#) && !text.contains(#"pool="tenant-b""#)
        }
        try await world.loseUnseen([("sie-gateway", "/api/v1/endpoints")])
        try await eventually("the gateway's absence") {
            world.condition("younger", Self.models, "Routable") == "False NoGatewayReplicas"
        }

        let text = try await HTTPTestClient(port: world.metricsPort).send(.GET, "/metrics").text
        for plural in [
            "siemodels", "siepools", "siebundles", "configmaps", "leases", "endpoints", "statefulsets", "scaledobjects",
        ] {
            let series = #"sie_operator_watch_restarts_total{resource="\#(plural)",reason="expired"} "#
            let line = text.split(separator: "\n").first { $0.hasPrefix(series) }
            let count = line.flatMap { Int($0.dropFirst(series.count)) } ?? 0
            #expect(count >= 3, "\(plural): \(count)")
        }
        world.program.signal(SIGTERM)
        #expect(try await world.program.exitStatus(within: .seconds(20)) == 0)
    }
}
