import Foundation
import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

/// The operator rolls a config service that reads bundles only at its start, with the rights that come with the option.
@Suite(
    "Rolling the config service", .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil),
    .timeLimit(.minutes(2)))
struct ConfigRestartTests {
    private func deployments(_ stack: OperatorStack) -> String {
        "/apis/apps/v1/namespaces/\(stack.namespace)/deployments"
    }

    private func createDeployment(_ name: String, _ stack: OperatorStack) async throws {
        try await stack.server.send(
            "POST", deployments(stack),
            [
                "metadata": ["name": .string(name)],
                "spec": [
                    "selector": ["matchLabels": ["app": .string(name)]],
                    "template": [
                        "metadata": ["labels": ["app": .string(name)], "annotations": ["theirs": "kept"]],
                        "spec": ["containers": [["name": "main", "image": "r.example/sie:1"]]],
                    ],
                ],
            ])
    }

    private func annotations(_ name: String, _ stack: OperatorStack) async throws -> JSONValue? {
        try await stack.server.send("GET", "\(deployments(stack))/\(name)")["spec"]?["template"]?["metadata"]?[
            "annotations"]
    }

    /// Says that the config service has not told the bundle for ten minutes, and asks for a look at it.
    private func age(_ name: String, _ stack: OperatorStack) async throws {
        let conditions = try #require(try await stack.bundle(name)?["status"]?["conditions"]?.arrayValue)
        let past = Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970) - 600).description
        let aged = conditions.map { condition -> JSONValue in
            guard condition["type"]?.stringValue == "Advertised", let members = condition.objectValue else {
                return condition
            }
            return .object(members.map { $0.key == "lastTransitionTime" ? JSONMember($0.key, .string(past)) : $0 })
        }
        let bundle = "/apis/sie.dev/v1alpha1/namespaces/\(stack.namespace)/siebundles/\(name)"
        try await stack.server.send(
            "PATCH", "\(bundle)/status", ["status": ["conditions": .array(aged)]],
            type: "application/merge-patch+json")
        try await stack.changeBundle(
            name, ["metadata": ["annotations": ["sie.dev/reconcile-at": .string(UUID().uuidString)]]])
    }

    @Test("its Deployment is rolled once for each state of the definitions, no other one is, and nothing is refused")
    func rolled() async throws {
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: 1, moreRules: [OperatorStack.restartRule])
        let config = try await stack.startConfigService()
        for name in ["sie-config", "other"] { try await createDeployment(name, stack) }
        let program = try await stack.startOperator(options: ["--restart-config-on-bundle-change"])
        try await stack.applyBundle("extra", ["adapters": ["acme.extra"]])
        try await stack.waitForBundle("extra", "DefinitionPublished", "Synced")
        try await stack.waitForBundle("extra", "Advertised", "HashPending")
        try await age("extra", stack)
        let first = try await eventually("the first roll") {
            try await annotations("sie-config", stack)?[ConfigServiceRestart.annotation]?.stringValue
        }
        try await stack.changeBundle("extra", ["spec": ["adapters": ["acme.extra", "acme.more"]]])
        try await age("extra", stack)
        let second = try await eventually("the roll for another definition") { () -> String? in
            let digest = try await annotations("sie-config", stack)?[ConfigServiceRestart.annotation]?.stringValue
            return digest == first ? nil : digest
        }
        #expect(first != second)
        #expect(try await annotations("sie-config", stack)?["theirs"] == "kept")
        #expect(try await annotations("other", stack) == ["theirs": "kept"])
        try await eventually("the event") { try await stack.eventReasons().contains("ConfigServiceRestarted") }
        let requests = stack.server.auditedRequests(of: "sie-operator", in: stack.namespace, from: 0)
        #expect(requests.filter { $0.status == 401 || $0.status == 403 }.isEmpty)
        let rolls = requests.filter { $0.resource == "deployments" && $0.isWrite }
        #expect(rolls.map(\.name) == ["sie-config", "sie-config"])
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
        withExtendedLifetime(config) {}
    }
}
