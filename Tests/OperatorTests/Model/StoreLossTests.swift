import Foundation
import JSONStream
import NIOHTTP1
import TestSupport
import Testing

@Suite(
    "A config service that loses its store",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct StoreLossTests {
    @Test("it gets every model back, each once, ten at once and then five a second")
    func noStorm() async throws {
        let stack = try await OperatorStack(host: try #require(OperatorStack.hostAddress), gateways: 1)
        let first = try await stack.startConfigService()
        let program = try await stack.startOperator()
        let names = (0..<30).map { "model-\($0)" }
        for name in names { try await stack.apply(name, modelID: "acme/\(name)") }
        for name in names { try await stack.wait(for: name, "Ready", "True", "Routable", within: .seconds(40)) }

        try await first.kill()
        try stack.wipeConfigStore()
        let second = try await stack.startConfigService()
        let beginning = ContinuousClock.now
        // All of them are looked at now, and not over the half minute that the operator would take by itself.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names { group.addTask { try await stack.touch(name) } }
            try await group.waitForAll()
        }
        // Every write counts the epoch up by one.
        var epochs: [(time: ContinuousClock.Instant, epoch: Int)] = []
        try await eventually("thirty writes", within: .seconds(60)) { () -> Bool in
            let reply = try await HTTPTestClient(port: second.port).send(.GET, "/v1/configs/epoch")
            let epoch = try JSONReader.decode(reply.text.utf8)["epoch"]?.intValue ?? 0
            epochs.append((.now, epoch))
            return epoch >= names.count
        }
        for (time, epoch) in epochs {
            let seconds = (time - beginning) / .seconds(1)
            #expect(Double(epoch) <= 11 + 5 * seconds, "\(epoch) writes within \(seconds) s")
        }
        for name in names {
            try await eventually("the receipt of \(name)", within: .seconds(20)) { () -> Bool in
                let status = try await stack.model(name)["status"] ?? .null
                return status["registration"]?["attempt"] == 1 && status["registration"]?["registeredAt"] != nil
            }
            try await stack.wait(for: name, "Ready", "True", "Routable", within: .seconds(40))
            let reply = try await HTTPTestClient(port: second.port).send(.GET, "/v1/configs/models/acme/\(name)")
            #expect(reply.status == 200)
        }
        let reply = try await HTTPTestClient(port: second.port).send(.GET, "/v1/configs/epoch")
        #expect(try JSONReader.decode(reply.text.utf8)["epoch"]?.intValue == names.count)
        _ = program
    }
}
