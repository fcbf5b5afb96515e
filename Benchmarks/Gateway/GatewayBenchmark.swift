import ArgumentParser
import Foundation
import Logging
import NATSClient
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport

/// `sie-bench gateway`: requests through the real gateway against the bare round trip they contain.
struct GatewayBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Requests per second through sie-gateway against raw JetStream round trips.",
        discussion: """
            The real gateway and nats-server run as processes; a responder in this process answers at once with a \
            vector of 384 numbers. A second gateway has a responder that takes several items in one message, so that \
            requests that come together share messages. HTTP clients keep their connections and send MessagePack. The peer is the same path \
            without HTTP: NATSClient's publish, pull, reply and acknowledge. The floor of HTTP is the same load on a \
            server that only counts bytes: with the round trip it bounds what a gateway can reach. Rounds alternate; \
            the table shows medians.
            """)

    @Option(help: "How many rounds of each side.")
    var rounds = 5

    @Option(help: "Seconds of each measurement.")
    var seconds = 2.0

    @Option(name: .customLong("text-bytes"), help: "Bytes of text in each request.")
    var textBytes = 1536

    @Option(help: "Connections, or round trips kept in flight (repeatable).")
    var connections: [Int] = [1, 64]

    @Option(name: .customLong("busy-poll"), help: "Microseconds for which the gateways poll after each request.")
    var busyPoll = 0

    @Option(
        name: .customLong("cpus"), help: "Processors that the gateways' event loops are bound to, such as 1 or 0,4-7.")
    var processors: String?

    private struct Round {
        var perSecond: Double
        var p50Microseconds: Double
        var p99Microseconds: Double
        /// Processor time of each answer: of the gateway, of the server, and of this process (load and responder).
        var gatewayMicroseconds = 0.0
        var serverMicroseconds = 0.0
        var ownMicroseconds = 0.0
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let environment = ["SIE_GATEWAY_BUSY_POLL_US": "\(busyPoll)", "SIE_GATEWAY_CPUS": processors ?? ""]
        let stack = try await GatewayStack.start(on: group, environment: environment)
        let (nats, gateway) = (stack.nats, stack.gateway)
        try await Self.prepareRawStream(nats.url)
        let floorRequest = GatewayStack.request(port: gateway.port, textBytes: textBytes)
        let load = HTTPLoad(port: gateway.port, request: floorRequest)
        let coalescing = try await GatewayStack.start(on: group, environment: environment, takesBatches: true)
        let coalescingLoad = HTTPLoad(
            port: coalescing.gateway.port,
            request: GatewayStack.request(port: coalescing.gateway.port, textBytes: textBytes))
        // Until the gateway has heard of its worker, which says every second what it takes.
        try await Task.sleep(for: .seconds(2))
        let floor = try FloorHTTPServer(requestBytes: floorRequest.readableBytes, answerBodyBytes: 384 * 4 + 200)
        floor.start()
        let floorLoad = HTTPLoad(port: floor.port, request: floorRequest)
        // The first answers wait for connections and caches; they are no part of what is measured.
        _ = try await load.run(connections: 8, duration: .seconds(1))
        _ = try await coalescingLoad.run(connections: 8, duration: .seconds(1))

        print("machine: \(MachineDescription.current)")
        print(
            "\(textBytes) bytes of text in, 384 float32 out, \(rounds) rounds of \(seconds) s, medians; busy polling of "
                + "the gateways: \(busyPoll) us; their processors: \(processors ?? "any")\n")
        var table = Table(header: [
            "in flight", "path", "per second", "p50 us", "p99 us", "CPU us: gateway", "nats-server", "this process",
            "failed",
        ])
        var summary: [String] = []
        for connections in connections {
            var raw: [Round] = []
            var http: [Round] = []
            var bare: [Round] = []
            var together: [Round] = []
            var (failures, failuresTogether) = (0, 0)
            let before = try await Sharing(of: coalescing.gateway)
            for _ in 0..<rounds {
                raw.append(try await rawRound(nats, inFlight: connections))
                bare.append(try await httpRound(floorLoad, nil, nats, connections: connections).0)
                let (round, failed) = try await httpRound(load, gateway, nats, connections: connections)
                http.append(round)
                failures += failed
                let (shared, failedTogether) = try await httpRound(
                    coalescingLoad, coalescing.gateway, coalescing.nats, connections: connections)
                together.append(shared)
                failuresTogether += failedTogether
            }
            let sharing = try await Sharing(of: coalescing.gateway).since(before)
            for (name, rounds, failed) in [
                ("NATS round trip", raw, "-"), ("HTTP, floor", bare, "-"),
                ("HTTP through sie-gateway", http, "\(failures)"),
                ("the same, requests coalesced", together, "\(failuresTogether)"),
            ] {
                func median(_ value: KeyPath<Round, Double>, digits: Int) -> String {
                    Statistics.median(rounds.map { $0[keyPath: value] }).formatted(digits: digits)
                }
                table.rows.append([
                    "\(connections)", name, median(\.perSecond, digits: 0), median(\.p50Microseconds, digits: 0),
                    median(\.p99Microseconds, digits: 0), median(\.gatewayMicroseconds, digits: 1),
                    median(\.serverMicroseconds, digits: 1), median(\.ownMicroseconds, digits: 1), failed,
                ])
            }
            // One answer takes a round trip and an HTTP exchange, on the same processors: their times add up.
            let bound = 1 / (1 + Statistics.median(raw.map(\.perSecond)) / Statistics.median(bare.map(\.perSecond)))
            summary.append(
                "\(connections) in flight: \(Self.ratios(of: http, to: raw)); round trip and HTTP floor together allow "
                    + "\(bound.formatted(digits: 2)) x the rate")
            summary.append(
                "\(connections) in flight, coalesced: \(Self.ratios(of: together, to: raw)); \(sharing.description)")
        }
        print(table.text)
        print("\n" + summary.joined(separator: "\n"))
        await floor.stop()
        try await coalescing.stop()
        try await stack.stop()
        try await group.shutdownGracefully()
    }

    private static func ratios(of rounds: [Round], to raw: [Round]) -> String {
        func median(_ rounds: [Round], _ value: KeyPath<Round, Double>) -> Double {
            Statistics.median(rounds.map { $0[keyPath: value] })
        }
        let rate = median(rounds, \.perSecond) / median(raw, \.perSecond)
        let p50 = median(rounds, \.p50Microseconds)
        let added = (p50 - median(raw, \.p50Microseconds)).formatted(digits: 0)
        let spread = (median(rounds, \.p99Microseconds) / p50).formatted(digits: 1)
        return "\(rate.formatted(digits: 2)) x the raw rate, p50 \(added) us above the raw one, p99 \(spread) x p50"
    }

    /// How many requests shared messages, as the gateway counts them.
    private struct Sharing: CustomStringConvertible {
        private var requests = 0.0
        private var messages = 0.0
        private var answers = 0.0

        init(of gateway: ProductProcess) async throws {
            let text = try await HTTPTestClient(port: gateway.port).send(.GET, "/metrics").text
            func sum(_ name: String) -> Double {
                text.split(separator: "\n").filter { $0.hasPrefix("\(name){") || $0.hasPrefix("\(name) ") }
                    .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
            }
            requests = sum("sie_gateway_queue_requests_coalesced_total")
            messages = sum("sie_gateway_queue_batches_published_total")
            answers = sum("sie_gateway_requests_total")
        }

        func since(_ before: Sharing) -> Sharing {
            var difference = self
            difference.requests -= before.requests
            difference.messages -= before.messages
            difference.answers -= before.answers
            return difference
        }

        var description: String {
            let share = (100 * requests / max(1, answers)).formatted(digits: 0)
            let each = (requests / max(1, messages)).formatted(digits: 1)
            return "\(share) % of the requests shared messages, \(each) a message"
        }
    }

    /// The processor time that the gateway, the server and this process have used so far, in seconds.
    private static func processorTimes(_ gateway: ProductProcess?, _ nats: NATSServerProcess) -> [Double] {
        [
            gateway.map { ProcessorTime.of(process: $0.program.processIdentifier) } ?? 0,
            nats.processIdentifier.map(ProcessorTime.of(process:)) ?? 0,
            ProcessorTime.ofThisProcess,
        ]
    }

    private func httpRound(
        _ load: HTTPLoad, _ gateway: ProductProcess?, _ nats: NATSServerProcess, connections: Int
    ) async throws -> (Round, failures: Int) {
        let before = Self.processorTimes(gateway, nats)
        let outcome = try await load.run(connections: connections, duration: .milliseconds(Int64(seconds * 1000)))
        let used = zip(Self.processorTimes(gateway, nats), before).map { ($0 - $1) / Double(outcome.requests) * 1e6 }
        return (
            Round(
                perSecond: outcome.perSecond,
                p50Microseconds: Statistics.percentile(0.5, ofSorted: outcome.latencies) * 1e6,
                p99Microseconds: Statistics.percentile(0.99, ofSorted: outcome.latencies) * 1e6,
                gatewayMicroseconds: used[0], serverMicroseconds: used[1], ownMicroseconds: used[2]),
            outcome.failures
        )
    }

    private func rawRound(_ nats: NATSServerProcess, inFlight: Int) async throws -> Round {
        let recorder = RoundTripRecorder(
            inFlight: inFlight, warmUp: .milliseconds(300), duration: .milliseconds(Int(seconds * 1000)))
        let before = Self.processorTimes(nil, nats)
        try await NATSClientRoundTrip.run(
            url: nats.url, stream: "RAW", subject: "raw.work.item", consumer: "raw", payloadBytes: 2048,
            recorder: recorder, inFlight: inFlight)
        let count = Double(max(1, recorder.answeredCount))
        let used = zip(Self.processorTimes(nil, nats), before).map { ($0 - $1) / count * 1e6 }
        let result = recorder.result
        return Round(
            perSecond: result.perSecond, p50Microseconds: result.p50Microseconds,
            p99Microseconds: result.p99Microseconds, serverMicroseconds: used[1], ownMicroseconds: used[2])
    }

    private static func prepareRawStream(_ url: String) async throws {
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [url]),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        var stream = StreamConfiguration(name: "RAW", subjects: ["raw.work.>"])
        stream.retention = .workQueue
        stream.storage = .memory
        try await connection.jetStream.createStream(stream)
        var consumer = ConsumerConfiguration(durableName: "raw", filterSubject: "raw.work.>")
        consumer.maxAckPending = 4096
        try await connection.jetStream.createConsumer(stream: "RAW", consumer)
        await connection.close()
    }
}
