import JSONStream
import TestSupport

/// SIEBundles, what they own, and KEDA's kind.
extension OperatorStack {
    private var bundles: String { "/apis/sie.dev/v1alpha1/namespaces/\(namespace)/siebundles" }

    private func workers(_ bundle: String, _ profile: String) -> String {
        "/apis/apps/v1/namespaces/\(namespace)/statefulsets/sie-worker-\(bundle)-\(profile)"
    }

    /// Makes KEDA's kind known to the API server, which takes anything for one.
    func installKEDA() async throws {
        let anything: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        try await server.send(
            "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            [
                "metadata": ["name": "scaledobjects.keda.sh"],
                "spec": [
                    "group": "keda.sh", "scope": "Namespaced",
                    "names": ["plural": "scaledobjects", "kind": "ScaledObject", "listKind": "ScaledObjectList"],
                    "versions": [
                        [
                            "name": "v1alpha1", "served": true, "storage": true, "subresources": ["status": [:]],
                            "schema": ["openAPIV3Schema": anything],
                        ]
                    ],
                ],
            ])
        let collection = "/apis/keda.sh/v1alpha1/namespaces/\(namespace)/scaledobjects"
        try await eventually("KEDA's kind") { try await server.request("GET", collection).status == 200 }
    }

    func applyBundle(_ name: String, _ spec: JSONValue) async throws {
        try await server.send(
            "POST", bundles,
            [
                "apiVersion": "sie.dev/v1alpha1", "kind": "SIEBundle", "metadata": ["name": .string(name)],
                "spec": spec,
            ])
    }

    func changeBundle(_ name: String, _ change: JSONValue) async throws {
        try await server.send("PATCH", "\(bundles)/\(name)", change, type: "application/merge-patch+json")
    }

    func deleteBundle(_ name: String) async throws { try await server.send("DELETE", "\(bundles)/\(name)") }

    /// Nil where there is none.
    func bundle(_ name: String) async throws -> JSONValue? {
        let reply = try await server.request("GET", "\(bundles)/\(name)")
        return reply.status == 404 ? JSONValue?.none : reply.body
    }

    /// Does what the kubelet does: gives the config service the files of the ConfigMap that bundles are in.
    func deliverBundles() async throws {
        let map = try await server.request("GET", "/api/v1/namespaces/\(namespace)/configmaps/sie-bundles").body
        for file in map["data"]?.objectValue ?? [] {
            guard let text = file.value.stringValue, file.key.hasSuffix(".yaml") else { continue }
            try writeBundle(String(file.key.dropLast(5)), text)
        }
    }

    func waitForBundle(
        _ name: String, _ type: String, _ reason: String, within limit: Duration = .seconds(45)
    ) async throws {
        do {
            try await eventually("\(name): \(type) \(reason)", within: limit) { () -> Bool in
                let conditions = try await bundle(name)?["status"]?["conditions"]?.arrayValue ?? []
                return conditions.contains { $0["type"]?.stringValue == type && $0["reason"]?.stringValue == reason }
            }
        } catch {
            print(String(decoding: JSONWriter.encode(try await bundle(name)?["status"] ?? .null), as: UTF8.self))
            throw error
        }
    }

    /// The StatefulSet of a group; nil where there is none.
    func workerSet(_ bundle: String, _ profile: String) async throws -> JSONValue? {
        let reply = try await server.request("GET", workers(bundle, profile))
        return reply.status == 404 ? JSONValue?.none : reply.body
    }

    /// Says what the controller of StatefulSets would say: all workers are there and ready.
    func reportWorkers(_ bundle: String, _ profile: String, _ number: Int64) async throws {
        try await server.send(
            "PATCH", "\(workers(bundle, profile))/status",
            ["status": ["replicas": .int(number), "readyReplicas": .int(number), "updatedReplicas": .int(number)]],
            type: "application/merge-patch+json")
    }
}
