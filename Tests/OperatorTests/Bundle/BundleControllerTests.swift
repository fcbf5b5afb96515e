import JSONStream
import TestSupport
import Testing

/// Bundles from `kubectl apply` to their end, with the real programs on a real API server. There is no kubelet and no KEDA:
/// the test plays them.
@Suite(
    "SIEBundles on a real API server, with our config service",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct BundleControllerTests {
    private static let name = "extra"

    private func condition(_ stack: OperatorStack, _ type: String) async throws -> JSONValue? {
        let bundle = try await stack.server.send("GET", "\(bundles(stack))/\(Self.name)")
        return bundle["status"]?["conditions"]?.arrayValue?.first { $0["type"]?.stringValue == type }
    }

    private func bundles(_ stack: OperatorStack) -> String {
        "/apis/sie.dev/v1alpha1/namespaces/\(stack.namespace)/siebundles"
    }

    private func statefulSet(_ stack: OperatorStack) -> String {
        "/apis/apps/v1/namespaces/\(stack.namespace)/statefulsets/sie-worker-\(Self.name)-cpu"
    }

    private func wait(_ stack: OperatorStack, _ type: String, _ reason: String) async throws {
        do {
            try await eventually("\(type) \(reason)", within: .seconds(45)) { () -> Bool in
                try await condition(stack, type)?["reason"]?.stringValue == reason
            }
        } catch {
            let bundle = try await stack.server.send("GET", "\(bundles(stack))/\(Self.name)")
            print(String(decoding: JSONWriter.encode(bundle["status"] ?? .null), as: UTF8.self))
            throw error
        }
    }

    @Test("a bundle is told, gets workers whose number stays whoever set it, and takes everything along when it goes")
    func life() async throws {
        let stack = try await OperatorStack(host: try #require(OperatorStack.hostAddress), gateways: 1)
        let config = try await stack.startConfigService()
        let program = try await stack.startOperator()
        try await stack.server.send(
            "POST", bundles(stack),
            [
                "apiVersion": "sie.dev/v1alpha1", "kind": "SIEBundle", "metadata": ["name": .string(Self.name)],
                "spec": [
                    "adapters": ["acme.extra"], "image": ["repository": "r.example/sie", "tag": "1"],
                    "workerGroups": [["machineProfile": "cpu", "minReplicas": 0, "maxReplicas": 3]],
                ],
            ])
        try await wait(stack, "Advertised", "HashPending")
        let map = try await stack.server.send("GET", "/api/v1/namespaces/\(stack.namespace)/configmaps/sie-bundles")
        let file = try #require(map["data"]?["\(Self.name).yaml"]?.stringValue)

        // The kubelet refreshes the files, and the config service sees it.
        try stack.writeBundle(Self.name, file)
        try await wait(stack, "Advertised", "Matches")
        try await wait(stack, "Ready", "Dormant")
        #expect(try await condition(stack, "AutoscalingReady")?["reason"] == "KEDANotInstalled")

        // Whoever scales owns the number; what is applied afterwards leaves it alone.
        var workers = try await stack.server.send("GET", statefulSet(stack))
        #expect(workers["spec"]?["replicas"] == 0)
        let owners = (workers["metadata"]?["managedFields"]?.arrayValue ?? []).filter {
            $0["fieldsV1"]?["f:spec"]?["f:replicas"] != nil
        }
        #expect(owners.map { $0["manager"] } == ["sie-operator-create"])
        try await stack.server.send(
            "PATCH", "\(statefulSet(stack))/scale", ["spec": ["replicas": 2]], type: "application/merge-patch+json")
        try await stack.server.send(
            "PATCH", "\(bundles(stack))/\(Self.name)", ["spec": ["image": ["tag": "2"]]],
            type: "application/merge-patch+json")
        try await eventually("the new image") { () -> Bool in
            workers = try await stack.server.send("GET", statefulSet(stack))
            let template = workers["spec"]?["template"]?["spec"]
            return template?["containers"]?.arrayValue?.first?["image"] == "r.example/sie:2"
        }
        #expect(workers["spec"]?["replicas"] == 2)

        // Workers come, as the StatefulSet's controller would say.
        try await stack.server.send(
            "PATCH", "\(statefulSet(stack))/status",
            ["status": ["replicas": 2, "readyReplicas": 2, "updatedReplicas": 2]], type: "application/merge-patch+json")
        try await wait(stack, "Ready", "Available")

        // Nothing is written while nothing changes.
        let version = try await stack.server.send("GET", statefulSet(stack))["metadata"]?["resourceVersion"]
        try await stack.server.send(
            "PATCH", "\(bundles(stack))/\(Self.name)",
            ["metadata": ["annotations": ["sie.dev/reconcile-at": "now"]]], type: "application/merge-patch+json")
        try await eventually("the answer to the annotation") { () -> Bool in
            let bundle = try await stack.server.send("GET", "\(bundles(stack))/\(Self.name)")
            return bundle["status"]?["lastHandledReconcileAt"] == "now"
        }
        #expect(try await stack.server.send("GET", statefulSet(stack))["metadata"]?["resourceVersion"] == version)

        try await stack.server.send("DELETE", "\(bundles(stack))/\(Self.name)")
        try await eventually("the workers are sent home") { () -> Bool in
            try await stack.server.send("GET", statefulSet(stack))["spec"]?["replicas"] == 0
        }
        try await stack.server.send(
            "PATCH", "\(statefulSet(stack))/status",
            ["status": ["replicas": 0, "readyReplicas": 0, "updatedReplicas": 0]],
            type: "application/merge-patch+json")
        try await eventually("the end", within: .seconds(30)) { () -> Bool in
            try await stack.server.request("GET", "\(bundles(stack))/\(Self.name)").status == 404
        }
        let rest = try await stack.server.send("GET", "/api/v1/namespaces/\(stack.namespace)/configmaps/sie-bundles")
        #expect(rest["data"]?["\(Self.name).yaml"] == nil)
        try await eventually("events") { () -> Bool in
            try await stack.eventReasons().isSuperset(of: ["DefinitionPublished", "KEDANotInstalled", "Finalized"])
        }
        withExtendedLifetime((config, program)) {}
    }
}
