import Foundation
import NIOCore
import TestSupport

/// What 500 texts cost in one request, against 500 requests of one text, in the same run.
struct LargeRequestCost {
    private static let itemCount = 500
    private static let textBytes = 100
    /// Clients of the single requests: with fewer the way back and forth would count, not the cost.
    private static let clients = 64

    let seconds: Double

    private struct Cost {
        var milliseconds = 0.0
        var gateway = 0.0
        var server = 0.0
        var own = 0.0
        var failures = 0

        /// Processor time of gateway and broker, which is what the platform pays.
        var platform: Double { gateway + server }
    }

    func run(on group: any EventLoopGroup) async throws {
        var table = Table(header: [
            "500 texts of \(Self.textBytes) bytes, MessagePack", "ms", "CPU ms: gateway", "nats-server",
            "this process", "failed",
        ])
        let plain = try await GatewayStack.start(on: group)
        let single = try await measure(plain, items: 1, connections: Self.clients, on: group)
        let items = try await measure(plain, items: Self.itemCount, connections: 1, on: group)
        try await plain.stop()
        let batching = try await GatewayStack.start(on: group, takesBatches: true)
        try await Task.sleep(for: .seconds(2))
        let batches = try await measure(batching, items: Self.itemCount, connections: 1, on: group)
        try await batching.stop()
        for (name, cost) in [
            ("500 requests, \(Self.clients) at a time", single), ("one request, a message for each item", items),
            ("one request, workers that take batches", batches),
        ] {
            table.rows.append(
                [name]
                    + [cost.milliseconds, cost.gateway, cost.server, cost.own].map { $0.formatted(digits: 2) }
                    + ["\(cost.failures)"])
        }
        print(table.text)
        for (name, cost) in [("a message for each item", items), ("batches", batches)] {
            print(
                "\(name): \((cost.milliseconds / single.milliseconds).formatted(digits: 2)) of the time, "
                    + "\((cost.gateway / single.gateway).formatted(digits: 2)) of the gateway's processor time, "
                    + "\((cost.platform / single.platform).formatted(digits: 2)) with the broker's "
                    + "(wanted of batches: below 0.30)")
        }
        print("")
    }

    /// The cost of 500 texts.
    private func measure(
        _ stack: GatewayStack, items: Int, connections: Int, on group: any EventLoopGroup
    ) async throws -> Cost {
        let request = GatewayStack.request(port: stack.gateway.port, items: items, textBytes: Self.textBytes)
        let load = HTTPLoad(port: stack.gateway.port, request: request)
        _ = try await load.run(connections: connections, duration: .seconds(1))
        func times() -> [Double] {
            [
                ProcessorTime.of(process: stack.gateway.program.processIdentifier),
                stack.nats.processIdentifier.map(ProcessorTime.of(process:)) ?? 0, ProcessorTime.ofThisProcess,
            ]
        }
        let before = times()
        let outcome = try await load.run(connections: connections, duration: .milliseconds(Int64(seconds * 1000)))
        let texts = Double(max(1, outcome.requests * items)) / Double(Self.itemCount)
        let used = zip(times(), before).map { ($0 - $1) / texts * 1000 }
        return Cost(
            milliseconds: outcome.seconds / texts * 1000, gateway: used[0], server: used[1], own: used[2],
            failures: outcome.failures)
    }
}
