import NIOCore
import TestSupport

/// What a gateway takes while nobody asks anything, and whether a request costs more where there are many workers, models
/// and connections: two gateways, one with nothing and one with all of that, in turns.
struct RestCost {
    private static let rounds = 5

    let seconds: Double
    let connections: Int
    let idleConnections: Int
    let workers: Int
    let models: Int

    private struct Side {
        var stack: GatewayStack
        var load: HTTPLoad
        var memory = 0.0
        var percentAtRest = 0.0
        var microseconds: [Double] = []
    }

    func run(on group: any EventLoopGroup) async throws {
        let health = ["SIE_GATEWAY_HEALTH_MODE": "nats"]
        var alone = try await side(try await GatewayStack.start(on: group, environment: health), on: group)
        var crowded = try await side(
            try await GatewayStack.start(on: group, environment: health, models: models), on: group)
        let fleet = try await AnnouncedWorkers(
            count: workers, url: crowded.stack.nats.url, eventLoop: group.next())
        let idle = try await IdleConnections(
            count: idleConnections, port: crowded.stack.gateway.port, group: group)
        try await Task.sleep(for: .seconds(2))
        try await rest(&alone)
        try await rest(&crowded)
        for _ in 0..<Self.rounds {
            try await ask(&alone)
            try await ask(&crowded)
        }
        var table = Table(header: ["gateway", "memory MiB", "CPU at rest, % of a core", "CPU us of a request"])
        let sides = [
            ("alone", alone),
            (
                "\(idleConnections) idle connections, \(workers) workers that report every 5 s, \(models) models",
                crowded
            ),
        ]
        for (name, side) in sides {
            table.rows.append([
                name, side.memory.formatted(digits: 1), side.percentAtRest.formatted(digits: 2),
                Statistics.median(side.microseconds).formatted(digits: 1),
            ])
        }
        print(table.text)
        let ratio = Statistics.median(crowded.microseconds) / Statistics.median(alone.microseconds)
        print("a request costs \(ratio.formatted(digits: 2)) x there (\(Self.rounds) rounds in turns, medians)")
        await idle.close()
        await fleet.stop()
        try await crowded.stack.stop()
        try await alone.stack.stop()
    }

    private func side(_ stack: GatewayStack, on group: any EventLoopGroup) async throws -> Side {
        let request = GatewayStack.request(port: stack.gateway.port, textBytes: 1536)
        let load = HTTPLoad(port: stack.gateway.port, request: request)
        _ = try await load.run(connections: connections, duration: .milliseconds(500))
        return Side(stack: stack, load: load)
    }

    private func rest(_ side: inout Side) async throws {
        let id = side.stack.gateway.program.processIdentifier
        let before = ProcessorTime.of(process: id)
        try await Task.sleep(for: .seconds(10))
        side.percentAtRest = (ProcessorTime.of(process: id) - before) / 10 * 100
        side.memory = ProcessMemory.residentMebibytes(of: id)
    }

    private func ask(_ side: inout Side) async throws {
        let load = side.load
        let duration = TimeAmount.milliseconds(Int64(seconds * 500))
        let (cost, _) = try await side.stack.gatewayMicroseconds {
            try await load.run(connections: connections, duration: duration)
        }
        side.microseconds.append(cost)
    }
}
