import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// A namespace that is deleted while the config service is away (Kubernetes contract 8.2, test 9), with Kubernetes' own
/// controller of namespaces. The operator has to be one for all namespaces: the role of one for the namespace alone goes
/// with the namespace.
@Suite(
    "Deletion of a namespace with a dead config service",
    .enabled(if: KubernetesAPIServer.hasControllerManager && OperatorStack.hostAddress != nil),
    .timeLimit(.minutes(3)))
struct NamespaceDeletionTests {
    private static let finalizerSeconds = 5

    @Test("a namespace with a model, a pool and a bundle is gone soon after the deadline of finalizers")
    func deleted() async throws {
        let server = try await KubernetesAPIServer()
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: 1, server: server, everywhere: true)
        let config = try await stack.startConfigService()
        let metrics = try NATSServerProcess.freePort()
        let program = try await stack.startOperator(
            metricsPort: metrics, watchesAll: true,
            options: ["--finalizer-timeout", "\(Self.finalizerSeconds)"])
        let tenant = try await server.namespace()
        let group = "/apis/sie.dev/v1alpha1/namespaces/\(tenant)"
        func create(_ plural: String, _ kind: String, _ spec: JSONValue) async throws {
            try await server.send(
                "POST", "\(group)/\(plural)",
                ["apiVersion": "sie.dev/v1alpha1", "kind": .string(kind), "metadata": ["name": "a"], "spec": spec])
        }
        try await create(
            "siemodels", "SIEModel",
            [
                "modelID": "acme/mini", "deletionPolicy": "Delete",
                "profiles": [["name": "default", "adapterPath": "acme.enc:A"]],
            ])
        try await create("siepools", "SIEPool", ["gpus": [["machineProfile": "cpu", "count": 1]]])
        try await create(
            "siebundles", "SIEBundle",
            [
                "adapters": ["acme.extra"], "image": ["repository": "r.example/sie", "tag": "1"],
                "workerGroups": [["machineProfile": "cpu", "minReplicas": 1, "maxReplicas": 3]],
            ])
        for (plural, finalizer) in [
            ("siemodels", "sie.dev/model-registration"), ("siepools", "sie.dev/pool-lease"),
            ("siebundles", "sie.dev/bundle-drain"),
        ] {
            try await eventually("the finalizer of \(plural)") { () -> Bool in
                try await server.send("GET", "\(group)/\(plural)/a")["metadata"]?["finalizers"] == [.string(finalizer)]
            }
        }
        try await eventually("the model's registration") { () -> Bool in
            let registration = try await server.send("GET", "\(group)/siemodels/a")["status"]?["registration"]
            return registration?["registeredAt"] != nil
        }
        try await eventually("the pool's objects") { () -> Bool in
            try await server.request("GET", "/api/v1/namespaces/\(tenant)/configmaps/sie-pool-a").status == 200
        }

        try await config.kill()
        let controllers = try server.startControllerManager(["namespace"])
        let began = ContinuousClock.now
        try await server.send("DELETE", "/api/v1/namespaces/\(tenant)")
        do {
            try await eventually("the namespace's end", within: .seconds(60)) { () -> Bool in
                try await server.request("GET", "/api/v1/namespaces/\(tenant)").status == 404
            }
        } catch {
            let rest = try await server.request("GET", "/api/v1/namespaces/\(tenant)").body["status"] ?? .null
            print(String(decoding: JSONWriter.encode(rest), as: UTF8.self))
            print(controllers.log.suffix(4000))
            throw error
        }
        let seconds = began.duration(to: .now) / .seconds(1)
        print("NAMESPACE DELETED: gone after \((seconds * 10).rounded() / 10) s, with a deadline of 5 s for finalizers")
        // The model alone waits for somebody who does not answer; nothing goes before its time.
        #expect(seconds >= Double(Self.finalizerSeconds) - 1)
        let text = try await HTTPTestClient(port: metrics).send(.GET, "/metrics").text
        #expect(text.contains("sie_operator_finalizer_timeouts_total 1"))
        // What is in other namespaces is looked after as before.
        #expect(try await HTTPTestClient(port: program.port).send(.GET, "/healthz").status == 200)
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
    }
}
