import JSONStream
import TestSupport
import Testing

/// From a request that a real gateway refuses to KEDA's stream, through a real operator on a real API server.
@Suite(
    "Waking up a group at zero",
    .enabled(
        if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil && PythonProcess.isInstalled),
    .timeLimit(.minutes(2)))
struct WakeTests {
    @Test("KEDA is told of demand within a second after the first refused request")
    func latency() async throws {
        let stack = try await OperatorStack(host: try #require(OperatorStack.hostAddress))
        let config = try await stack.startConfigService()
        let scaler = try NATSServerProcess.freePort()
        let program = try await stack.startOperator(scalerPort: scaler)
        try await stack.apply("mini", modelID: "acme/mini")
        try await stack.wait(for: "mini", "Ready", "True", "Routable", within: .seconds(40))
        let lines = try await PythonProcess.run(
            try Fixtures.text("operator/externalscaler.py") + Fixtures.text("operator/wake_latency.py"),
            arguments: [
                "127.0.0.1:\(scaler)", "127.0.0.1:\(stack.gateways[1].port)", "acme/mini", "default", "40",
            ])
        let said = try JSONReader.decode(Array((lines.last ?? "").utf8))
        let seconds = (said["latencies"]?.arrayValue ?? []).compactMap(\.doubleValue).sorted()
        #expect(seconds.count == 40)
        let slowest = try #require(seconds.last)
        print("WAKE LATENCY: median \(seconds[seconds.count / 2]) s, slowest of \(seconds.count) \(slowest) s")
        #expect(slowest < 1)
        withExtendedLifetime((config, program)) {}
    }
}
