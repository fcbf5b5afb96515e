import Foundation
import JSONStream
import NIOHTTP1
import TestSupport
import Testing

@Suite("The operator's memory", .timeLimit(.minutes(2)))
struct OperatorMemoryTests {
    @Test(
        "5,000 models take less than 80 MB, and 10,000 ConfigMaps that are nobody's take nothing: they are never read")
    func manyObjects() async throws {
        let kubernetes = try await FakeKubernetesAPIServer()
        for index in 0..<5000 {
            kubernetes.put(Self.model(index), in: "/apis/sie.dev/v1alpha1/siemodels", namespace: "n")
        }
        let text = JSONValue.string(String(repeating: "x", count: 1024))
        for index in 0..<10_000 {
            kubernetes.put(
                ["metadata": ["name": .string("other-\(index)")], "data": ["text": text]], in: "/api/v1/configmaps",
                namespace: "n")
        }
        // It stands by, as another one works.
        kubernetes.put(
            [
                "metadata": ["name": "sie-operator.sie.dev"],
                "spec": [
                    "holderIdentity": "another", "leaseDurationSeconds": 3600, "leaseTransitions": 0,
                    "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
                ],
            ], in: "/apis/coordination.k8s.io/v1/leases", namespace: "n")

        let folder = FileManager.default.temporaryDirectory.appending(path: "memory-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let kubeconfig = folder.appending(path: "config")
        try Data(
            """
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "\(kubernetes.url)"}}]
            users: [{name: u, user: {}}]
            contexts: [{name: c, context: {cluster: c, user: u, namespace: n}}]
            current-context: c

            """.utf8
        ).write(to: kubeconfig)
        let ports = try (0..<2).map { _ in try NATSServerProcess.freePort() }
        let program = try await ProductProcess("sie-operator", environment: ["no_proxy": "*"]) { port in
            [
                "run", "--kubeconfig", kubeconfig.path, "--config-url", "http://127.0.0.1:1", "--watch-namespace", "n",
                "--health-probe-bind-address", "127.0.0.1:\(port)", "--metrics-bind-address", "127.0.0.1:\(ports[0])",
                "--scaler-bind-address", "127.0.0.1:\(ports[1])",
            ]
        }
        try await eventually("everything is known", within: .seconds(60)) {
            try await HTTPTestClient(port: program.port).send(.GET, "/readyz").status == 200
        }
        let status = try String(contentsOfFile: "/proc/\(program.program.processIdentifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.utf8.starts(with: "VmRSS:".utf8) }
        let kibibytes = try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        #expect(kibibytes * 1024 < 80_000_000, "\(kibibytes) KiB")

        let requests = kubernetes.requests
        let models = requests.filter { $0.path.utf8.suffix(9).elementsEqual("siemodels".utf8) && $0.isList }
        #expect(models.count >= 10, "the list is read in pages")
        let configMaps = requests.filter { $0.path.utf8.suffix(10).elementsEqual("configmaps".utf8) }
        #expect(!configMaps.isEmpty && configMaps.allSatisfy { $0.query["labelSelector"]?.isEmpty == false })
        // Whoever stands by writes nothing.
        #expect(requests.allSatisfy { $0.method == "GET" })
    }

    /// A model that has been Ready for long, with about as much to it as real ones have.
    private static func model(_ index: Int) -> JSONValue {
        let digest = JSONValue.string(String(repeating: "0123456789abcdef", count: 4))
        func condition(_ type: JSONValue, _ reason: JSONValue) -> JSONValue {
            [
                "type": type, "status": "True", "reason": reason, "observedGeneration": 1,
                "message": .string("1 of 1 gateways route acme/model-\(index)"),
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            ]
        }
        return [
            "apiVersion": "sie.dev/v1alpha1", "kind": "SIEModel",
            "metadata": [
                "name": .string("model-\(index)"), "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [
                    ["manager": "kubectl", "operation": "Apply", "fieldsV1": ["f:spec": ["f:modelID": [:]]]]
                ],
            ],
            "spec": [
                "modelID": .string("acme/model-\(index)"), "hfID": .string("acme/model-\(index)"),
                "maxSequenceLength": 512, "metadata": ["tasks": ["encode": ["dense": ["dim": 384]]]],
                "profiles": [["name": "default", "adapterPath": "acme.enc:A", "maxBatchTokens": 16384]],
            ],
            "status": [
                "observedGeneration": 1, "summary": "1/1 gateways",
                "conditions": [
                    condition("Ready", "Routable"), condition("Registered", "Created"),
                    condition("Routable", "AllReplicas"), condition("WorkersAcked", "NoEligibleWorkers"),
                ],
                "registration": [
                    "payloadSHA256": digest, "idempotencyKey": .string("sie-operator/\(index)/0123456789abcdef/0"),
                    "attempt": 0, "registeredAt": "2026-01-01T00:00:00Z", "configEpoch": .int(Int64(index)),
                    "profiles": ["default"],
                ],
                "gateways": [
                    "total": 1, "routable": 1, "minEpoch": 5000, "lastProbeTime": "2026-01-01T00:00:00Z",
                ],
                "bundles": [["name": "default", "expectedHash": digest, "eligibleWorkers": 0, "ackedWorkers": 0]],
            ],
        ]
    }
}
