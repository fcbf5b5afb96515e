import ArgumentParser
import Foundation
import JSONStream
import NIOCore
import NIOPosix
import TestSupport

/// `sie-bench gateway-cost`: what a request takes of the gateway, and what it takes at rest.
struct GatewayCostBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway-cost",
        abstract: "Processor time and allocations of requests in sie-gateway; memory and processor time at rest.",
        discussion: """
            The real gateway and nats-server run as processes; a responder in this process answers every item at once \
            with a vector of 384 numbers. Requests of 500 items are set against 500 requests, with and without workers \
            that take several items in one message. Allocations are those of a second gateway, which runs with a library \
            in front of the C library that counts them; they are left out where there is no C compiler.
            """)

    @Option(help: "Seconds of each measurement.")
    var seconds = 2.0

    @Option(help: "Connections that send requests.")
    var connections = 16

    @Option(name: .customLong("idle-connections"), help: "Connections that are open at rest.")
    var idleConnections = 2000

    @Option(help: "Workers that announce themselves at rest.")
    var workers = 1000

    @Option(help: "Models of the gateway that the workers announce themselves to.")
    var models = 1000

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        print("machine: \(MachineDescription.current)")
        print("\(connections) connections, \(seconds) s each\n")
        try await requests(on: group)
        try await LargeRequestCost(seconds: seconds).run(on: group)
        try await RestCost(
            seconds: seconds, connections: connections, idleConnections: idleConnections, workers: workers,
            models: models
        ).run(on: group)
        try await group.shutdownGracefully()
    }

    // MARK: Requests

    private func requests(on group: any EventLoopGroup) async throws {
        let stack = try await GatewayStack.start(on: group)
        let allocations = try await AllocationCounter()
        var counted: GatewayStack?
        if let allocations { counted = try await GatewayStack.start(on: group, environment: allocations.environment) }
        let kinds: [(name: String, request: ByteBuffer)] = [
            (
                "1 item of 1.5 KB, MessagePack",
                GatewayStack.request(port: stack.gateway.port, textBytes: 1536)
            ),
            (
                "1 item of 1.5 KB, JSON",
                GatewayStack.request(port: stack.gateway.port, textBytes: 1536, sendsJSON: true, wantsJSON: true)
            ),
            (
                "32 items of 40 bytes, MessagePack",
                GatewayStack.request(port: stack.gateway.port, items: 32, textBytes: 40)
            ),
            (
                "32 items of 40 bytes, MessagePack in, JSON out",
                GatewayStack.request(port: stack.gateway.port, items: 32, textBytes: 40, wantsJSON: true)
            ),
        ]
        var table = Table(header: ["encode", "per second", "CPU us: gateway", "allocations", "failed"])
        for (name, request) in kinds {
            let load = HTTPLoad(port: stack.gateway.port, request: request)
            _ = try await load.run(connections: connections, duration: .milliseconds(500))
            let (cost, outcome) = try await stack.gatewayMicroseconds { try await self.run(load) }
            var allocated: Double?
            if let allocations, let counted {
                let load = HTTPLoad(port: counted.gateway.port, request: request)
                _ = try await load.run(connections: connections, duration: .milliseconds(300))
                let before = allocations.count
                let outcome = try await load.run(connections: connections, duration: .milliseconds(500))
                allocated = Double(allocations.count - before) / Double(max(1, outcome.requests))
            }
            table.rows.append([
                name, outcome.perSecond.formatted(digits: 0), cost.formatted(digits: 1),
                allocated.map { $0.formatted(digits: 0) } ?? "-", "\(outcome.failures)",
            ])
        }
        print(table.text)
        if allocations == nil { print("allocations: not counted, there is no C compiler") }
        try await largeJSONAnswers(of: stack)
        try await stack.stop()
        try await counted?.stop()
    }

    /// What 32 vectors cost as JSON beyond what they cost as MessagePack, against the writing of their numbers alone. In
    /// turns: a machine that slows down in between would be taken for a difference.
    private func largeJSONAnswers(of stack: GatewayStack) async throws {
        let loads = [false, true].map { wantsJSON in
            HTTPLoad(
                port: stack.gateway.port,
                request: GatewayStack.request(port: stack.gateway.port, items: 32, textBytes: 40, wantsJSON: wantsJSON))
        }
        var rounds: [(more: Double, writer: Double)] = []
        for _ in 0..<7 {
            var costs: [Double] = []
            for load in loads {
                costs.append(
                    try await stack.gatewayMicroseconds {
                        try await load.run(connections: connections, duration: .milliseconds(Int64(seconds * 300)))
                    }.microseconds)
            }
            rounds.append((costs[1] - costs[0], Self.floatWriterMicroseconds(numbers: 32 * 384)))
        }
        let (more, writer) = (Statistics.median(rounds.map(\.more)), Statistics.median(rounds.map(\.writer)))
        let ratio = Statistics.median(rounds.map { $0.more / $0.writer })
        print(
            "\na JSON answer of 32 x 384 numbers takes \(more.formatted(digits: 1)) us more than a MessagePack one; the "
                + "float writer alone takes \(writer.formatted(digits: 1)) us for its numbers: "
                + "\(ratio.formatted(digits: 2)) x (medians of \(rounds.count) rounds; wanted: at most 1.3)\n")
    }

    private func run(_ load: HTTPLoad) async throws -> HTTPLoad.Outcome {
        try await load.run(connections: connections, duration: .milliseconds(Int64(seconds * 1000)))
    }

    private static func floatWriterMicroseconds(numbers: Int) -> Double {
        let vector = (0..<numbers).map { Float($0 % 384) / 384 }
        let rounds = 200
        var bytes = 0
        let before = ProcessorTime.ofThisProcess
        for _ in 0..<rounds {
            var writer = JSONWriter(capacity: numbers * 20)
            // As the answer has them: float32 widened to float64.
            for row in stride(from: 0, to: numbers, by: 384) {
                writer.beginArray()
                for number in vector[row..<min(row + 384, numbers)] { writer.write(Double(number)) }
                writer.endArray()
            }
            bytes += writer.bytes.count
        }
        let used = ProcessorTime.ofThisProcess - before
        return bytes > 0 ? used / Double(rounds) * 1e6 : 0
    }
}
