import Foundation
import JSONStream
import TestSupport
import Testing

/// An operator of today among definitions of tomorrow (Kubernetes contract 8.2, test 16).
@Suite(
    "Definitions that are newer than the operator",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct NewerDefinitionsTests {
    private static let kinds = ["siemodels", "siepools", "siebundles"]
    /// Members in the order that servers give them.
    private static let novelty: JSONValue = ["of": ["parts": [1, 2]], "since": "v2"]

    /// Adds a field to spec and status of all kinds.
    private func extendDefinitions(_ server: KubernetesAPIServer) async throws {
        let anything: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        for plural in Self.kinds {
            let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/\(plural).sie.dev"
            try await server.send(
                "PATCH", definition,
                .array(
                    ["spec", "status"].map { part in
                        let path = "/spec/versions/0/schema/openAPIV3Schema/properties/\(part)/properties/novelty"
                        return ["op": "add", "path": .string(path), "value": anything]
                    }), type: "application/json-patch+json")
        }
    }

    /// Gives an object the new fields; again and again until the server knows them.
    private func extend(_ path: String, _ server: KubernetesAPIServer) async throws {
        try await eventually("new fields of \(path)") { () -> Bool in
            for (path, part) in [(path, "spec"), ("\(path)/status", "status")] {
                let change = JSONValue.object([JSONMember(part, ["novelty": Self.novelty])])
                let reply = try await server.send("PATCH", path, change, type: "application/merge-patch+json")
                if reply[part]?["novelty"] != Self.novelty { return false }
            }
            return true
        }
    }

    @Test("fields that the operator does not know survive everything that it writes, in spec, status and metadata")
    func kept() async throws {
        let server = try await KubernetesAPIServer()
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: 1, profiles: "l4,t4", server: server)
        try await extendDefinitions(server)
        let config = try await stack.startConfigService()
        try await stack.apply("mini", modelID: "acme/mini", spec: [JSONMember("deletionPolicy", "Delete")])
        try await stack.applyPool("tenant-a")
        try await stack.applyBundle("extra", ["adapters": ["acme.extra"]])
        let group = "/apis/sie.dev/v1alpha1/namespaces/\(stack.namespace)"
        let paths = ["\(group)/siemodels/mini", "\(group)/siepools/tenant-a", "\(group)/siebundles/extra"]
        for path in paths { try await extend(path, server) }

        let program = try await stack.startOperator()
        try await stack.wait(for: "mini", "Ready", "True", "Routable", within: .seconds(40))
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        try await stack.waitForBundle("extra", "DefinitionPublished", "Synced")
        try await stack.deliverBundles()
        try await stack.waitForBundle("extra", "Ready", "Available")
        // Another generation of each, and another look.
        try await stack.changePool("tenant-a", spec: ["ttlSeconds": 120])
        try await stack.changeBundle("extra", ["spec": ["priority": 7]])
        try await stack.touch("mini")
        for path in paths {
            try await eventually("the outcome for \(path)") { () -> Bool in
                let object = try await server.send("GET", path)
                let asked = object["metadata"]?["annotations"]?["sie.dev/reconcile-at"]
                return object["status"]?["observedGeneration"] == object["metadata"]?["generation"]
                    && (asked == nil || object["status"]?["lastHandledReconcileAt"] == asked)
            }
            let object = try await server.send("GET", path)
            #expect(object["spec"]?["novelty"] == Self.novelty, "\(path)")
            #expect(object["status"]?["novelty"] == Self.novelty, "\(path)")
            #expect(object["metadata"]?["finalizers"]?.arrayValue?.count == 1)
        }
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
        withExtendedLifetime(config) {}
    }
}
