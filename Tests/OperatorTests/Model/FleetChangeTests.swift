import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What a change of the gateway's replicas costs, with the real programs on a real API server.
@Suite(
    "Changes of the fleet on a real API server",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(10)))
struct FleetChangeTests {
    /// The value of a metric whose line begins so.
    private func metric(_ port: Int, _ series: String) async throws -> Double? {
        let text = try await HTTPTestClient(port: port).send(.GET, "/metrics").text
        return text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
    }

    /// 2,000 with `SIE_TEST_LONG`, when numbers are wanted.
    private static let models = ProcessInfo.processInfo.environment["SIE_TEST_LONG"] == nil ? 40 : 2000

    @Test("a new replica is asked once about each model and nobody else is, one that goes costs no request at all")
    func cost() async throws {
        let stack = try await OperatorStack(host: try #require(OperatorStack.hostAddress), gateways: 2)
        let config = try await stack.startConfigService()
        for index in 0..<Self.models { try await stack.apply("m\(index)", modelID: "acme/m\(index)") }
        let metrics = try NATSServerProcess.freePort()
        let program = try await stack.startOperator(metricsPort: metrics)
        let (all, namespace) = (Double(Self.models), stack.namespace)
        let resources = "sie_operator_resources{kind=\"SIEModel\",namespace=\"\(namespace)\""
        try await eventually("all models", within: .seconds(240)) {
            try await metric(metrics, resources + ",ready=\"True\"}") == all
        }
        for pod in ["gateway-0", "gateway-1"] {
            #expect(try await metric(metrics, "sie_operator_gateway_epoch{pod=\"\(pod)\"}") ?? 0 > 0)
        }
        let ready = "sie_operator_condition{kind=\"SIEModel\",namespace=\"\(namespace)\",name=\"m0\",type=\"Ready\""
        #expect(try await metric(metrics, ready + ",status=\"True\"}") == 1)
        #expect(try await metric(metrics, ready + ",status=\"False\"}") == 0)

        func counts() async throws -> (probes: Double, config: Double, reconciles: Double) {
            let probes = try await metric(metrics, "sie_operator_gateway_probe_seconds_count") ?? 0
            let get = try await metric(metrics, #"sie_operator_config_requests_total{code="200",op="get"}"#) ?? 0
            let reconciles = try await metric(
                metrics, #"controller_runtime_reconcile_total{controller="siemodel",result="requeue_after"}"#)
            return (probes, get, reconciles ?? 0)
        }
        func settled(_ summary: String) async throws {
            try await eventually(summary, within: .seconds(120)) {
                for index in [0, Self.models / 2, Self.models - 1] {
                    guard try await stack.model("m\(index)")["status"]?["summary"]?.stringValue == summary else {
                        return false
                    }
                }
                let depth = try await metric(metrics, #"workqueue_depth{name="siemodel",controller="siemodel"}"#)
                let active = try await metric(metrics, #"controller_runtime_active_workers{controller="siemodel"}"#)
                return depth == 0 && active == 0
            }
        }
        try await settled("2/2 gateways")

        let before = try await counts()
        var began = ContinuousClock.now
        let third = try await stack.addGateway()
        try await settled("3/3 gateways")
        let grown = try await counts()
        print(
            "\(Self.models) models, a replica more: \(Int(grown.probes - before.probes)) probes, "
                + "\(Int(grown.config - before.config)) documents, \(Int(grown.reconciles - before.reconciles)) "
                + "reconciles, \(ContinuousClock.now - began)")
        // Some are asked again that the replica did not know at once.
        #expect(grown.probes - before.probes >= all && grown.probes - before.probes < 1.5 * all)
        #expect(grown.config - before.config < 0.1 * all)

        began = .now
        try await stack.removeEndpoint(2)
        try await settled("2/2 gateways")
        let shrunk = try await counts()
        print(
            "\(Self.models) models, a replica less: \(Int(shrunk.probes - grown.probes)) probes, "
                + "\(Int(shrunk.config - grown.config)) documents, \(Int(shrunk.reconciles - grown.reconciles)) "
                + "reconciles, \(ContinuousClock.now - began)")
        #expect(shrunk.probes - grown.probes < 0.1 * all && shrunk.config - grown.config < 0.1 * all)
        #expect(try await metric(metrics, "sie_operator_gateway_epoch{pod=\"gateway-2\"}") == nil)

        // Series go with their object.
        try await stack.delete("m0")
        try await eventually("the end of the series") { try await metric(metrics, ready + ",status=\"True\"}") == nil }
        #expect(try await metric(metrics, resources + ",ready=\"True\"}") == all - 1)
        withExtendedLifetime((config, program, third)) {}
    }
}
