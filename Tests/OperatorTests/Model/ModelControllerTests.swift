import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Models from `kubectl apply` to Ready, with the real programs on a real API server.
@Suite(
    "SIEModels on a real API server, with our config service and gateways",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct ModelControllerTests {
    private func stack(gateways: Int = 2) async throws -> OperatorStack {
        try await OperatorStack(host: try #require(OperatorStack.hostAddress), gateways: gateways)
    }

    @Test("a model is Ready when, and only when, every gateway replica routes it; then nothing is written any more")
    func ready() async throws {
        let stack = try await stack()
        let config = try await stack.startConfigService()
        // It keeps its connections and answers nothing.
        stack.gateways[1].signal(SIGSTOP)
        defer { stack.gateways[1].signal(SIGCONT) }
        let program = try await stack.startOperator()
        try await stack.apply("mini", modelID: "acme/mini")
        try await stack.wait(for: "mini", "Ready", "False", "GatewaysNotSynced")
        // The other one learns of the model in a moment.
        try await eventually("the stopped replica alone is named") { () -> Bool in
            let ready = try await stack.condition("mini", "Ready")
            let message = ready?["message"]?.stringValue ?? ""
            return ready?["status"] == "False" && message.contains("gateway-1") && !message.contains("gateway-0")
        }
        #expect(try await stack.condition("mini", "Registered")?["reason"] == "Created")
        #expect(try await stack.condition("mini", "Reconciling")?["reason"] == "WaitingForGateways")

        stack.gateways[1].signal(SIGCONT)
        try await stack.wait(for: "mini", "Ready", "True", "Routable", within: .seconds(40))
        let model = try await stack.model("mini")
        let status = model["status"] ?? .null
        #expect(status["summary"] == "2/2 gateways")
        #expect(status["observedGeneration"] == model["metadata"]?["generation"])
        #expect(status["registration"]?["attempt"] == 0)
        #expect(try await stack.condition("mini", "Reconciling") == nil)
        #expect(try await stack.condition("mini", "WorkersAcked")?["reason"] == "NoEligibleWorkers")
        try await eventually("events") { () -> Bool in
            try await stack.eventReasons().isSuperset(of: ["Registered", "Routable"])
        }
        for gateway in stack.gateways {
            let reply = try await HTTPTestClient(port: gateway.port).send(.GET, "/v1/configs/models/acme/mini")
            #expect(reply.status == 200)
        }

        // Looked at again, there is nothing to say but that somebody asked.
        try await stack.touch("mini")
        try await eventually("the answer to the annotation") { () -> Bool in
            let model = try await stack.model("mini")
            let asked = model["metadata"]?["annotations"]?["sie.dev/reconcile-at"]
            return model["status"]?["lastHandledReconcileAt"] == asked
        }
        let version = try await stack.model("mini")["metadata"]?["resourceVersion"]
        try await Task.sleep(for: .seconds(1))
        #expect(try await stack.model("mini")["metadata"]?["resourceVersion"] == version)

        // Another one is ready to take over, works once the first has given the lease up, and finds nothing to write.
        let second = try await stack.startOperator()
        for port in [program.port, second.port] {
            for path in ["/readyz", "/healthz"] {
                try await eventually(path) { try await HTTPTestClient(port: port).send(.GET, path).status == 200 }
            }
        }
        let holder = try #require(try await stack.leaseHolder())
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
        try await eventually("another leader") { () -> Bool in
            let other = try await stack.leaseHolder()
            return other != nil && other != holder
        }
        try await Task.sleep(for: .milliseconds(500))
        #expect(try await stack.model("mini")["metadata"]?["resourceVersion"] == version)
        second.signal(SIGTERM)
        #expect(try await second.exitStatus(within: .seconds(20)) == 0)
        #expect(try await stack.leaseHolder() == nil)
        _ = config
    }

    @Test(
        "a model waits for the config service, comes back when its store is lost, and goes without holding anybody up")
    func configService() async throws {
        let stack = try await stack(gateways: 1)
        let program = try await stack.startOperator()
        try await stack.apply("mini", modelID: "acme/mini", spec: [JSONMember("deletionPolicy", "Delete")])
        try await stack.wait(for: "mini", "Registered", "False", "ConfigServiceUnavailable")
        #expect(try await stack.condition("mini", "Reconciling")?["reason"] == "Retrying")
        let first = try await stack.startConfigService()
        try await stack.wait(for: "mini", "Ready", "True", "Routable", within: .seconds(40))

        try await first.kill()
        try stack.wipeConfigStore()
        let second = try await stack.startConfigService()
        try await stack.touch("mini")
        try await eventually("the second registration", within: .seconds(40)) { () -> Bool in
            let status = try await stack.model("mini")["status"] ?? .null
            return status["registration"]?["attempt"] == 1 && status["registration"]?["registeredAt"] != nil
        }
        let reply = try await HTTPTestClient(port: second.port).send(.GET, "/v1/configs/models/acme/mini")
        #expect(reply.status == 200)

        #expect(try await stack.model("mini")["metadata"]?["finalizers"] == ["sie.dev/model-registration"])
        try await stack.delete("mini")
        try await eventually("the object's end") { try await !stack.isThere("mini") }
        try await eventually("the event") { try await stack.eventReasons().contains("RemoteDeleteUnsupported") }
        _ = program
    }

    @Test("what can never be is stalled and says why: other content, and an id that an older object has")
    func stalled() async throws {
        let stack = try await stack(gateways: 1)
        let config = try await stack.startConfigService()
        let taken = #"{"sie_id":"acme/taken","profiles":{"default":{"adapter_path":"acme.enc:Other"}}}"#
        // It takes models once it is connected to NATS.
        try await eventually("the other content") { () -> Bool in
            let reply = try await HTTPTestClient(port: config.port).post(
                "/v1/configs/models", headers: [:], body: ByteBuffer(string: taken))
            return reply.status == 201
        }
        let program = try await stack.startOperator()
        try await stack.apply("taken", modelID: "acme/taken")
        let message = try await stack.wait(for: "taken", "Stalled", "True", "AppendOnlyConflict")
        #expect(message.contains("default"))
        #expect(try await stack.condition("taken", "Reconciling") == nil)

        try await stack.apply("older", modelID: "acme/mini")
        try await stack.wait(for: "older", "Ready", "True", "Routable")
        // Timestamps are in seconds.
        try await Task.sleep(for: .seconds(1))
        try await stack.apply("younger", modelID: "acme/mini")
        try await stack.wait(for: "younger", "Stalled", "True", "DuplicateModelID")
        try await stack.delete("older")
        try await stack.wait(for: "younger", "Ready", "True", "Routable")
        #expect(try await stack.condition("younger", "Registered")?["reason"] == "Adopted")
        _ = program
    }
}
