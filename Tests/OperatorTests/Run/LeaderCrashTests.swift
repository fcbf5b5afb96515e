import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// A leader that is gone between a request and its answer (Kubernetes contract 8.2, test 1).
@Suite(
    "An operator killed in the middle of a registration",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct LeaderCrashTests {
    private func epoch(_ config: ProductProcess) async throws -> Int {
        let reply = try await HTTPTestClient(port: config.port).send(.GET, "/v1/configs/epoch")
        return try #require(JSONReader.decode(reply.body.readableBytesView)["epoch"]?.intValue)
    }

    @Test("the catalogue is written once, and the other process has the model ready within twenty seconds")
    func killed() async throws {
        let stack = try await OperatorStack(host: try #require(OperatorStack.hostAddress), gateways: 2)
        let config = try await stack.startConfigService()
        let relay = try await LoopbackRelay(to: config.port)
        let first = try await stack.startOperator(configPort: relay.port)
        let holder = try await eventually("a leader") { (try? await stack.leaseHolder()) ?? nil }
        let second = try await stack.startOperator()
        try await eventually("the other one knows everything") { () -> Bool in
            try await HTTPTestClient(port: second.port).send(.GET, "/readyz").status == 200
        }
        // It takes models once it is connected to NATS; a refusal would let the registration go on another connection.
        try await stack.apply("warm", modelID: "acme/warm")
        try await stack.wait(for: "warm", "Ready", "True", "Routable", within: .seconds(40))
        let before = try await epoch(config)

        relay.withholdAnswers(to: "POST /v1/configs/models")
        try await stack.apply("mini", modelID: "acme/mini")
        try await eventually("the catalogue's write, of which the leader does not hear") { () -> Bool in
            guard relay.heldCount > 0 else { return false }
            return try await epoch(config) == before + 1
        }
        let key = try await stack.model("mini")["status"]?["registration"]?["idempotencyKey"]
        #expect(key?.stringValue != nil)
        try await first.kill()
        let killed = ContinuousClock.now
        try await stack.wait(for: "mini", "Ready", "True", "Routable", within: .seconds(25))
        let seconds = killed.duration(to: .now) / .seconds(1)
        print("LEADER KILLED: the model is ready \((seconds * 10).rounded() / 10) s later")
        #expect(seconds <= 20)

        #expect(relay.heldCount == 1)
        #expect(try await epoch(config) == before + 1)
        let registration = try await stack.model("mini")["status"]?["registration"]
        #expect(registration?["idempotencyKey"] == key && registration?["attempt"] == 0)
        #expect(try await stack.condition("mini", "Registered")?["reason"] == "AlreadyRegistered")
        let other = try await stack.leaseHolder()
        #expect(other != nil && other != holder)
        second.signal(SIGTERM)
        #expect(try await second.exitStatus(within: .seconds(20)) == 0)
    }
}
