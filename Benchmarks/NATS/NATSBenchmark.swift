import ArgumentParser
import Foundation
import Logging
import NATSClient
import NIOCore
import TestSupport

/// `sie-bench nats`: the path of one work item without the product around it, by NATSClient and by libnats.
struct NATSBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nats",
        abstract: "JetStream round trips of NATSClient against libnats.",
        discussion: """
            One round trip: publish to a work-queue stream in memory, pull, answer on a core inbox, acknowledge. All \
            clients count publish acknowledgements. libnats runs with its default flusher and with SendAsap; the better \
            of the two is the peer. The floor is the same exchange over blocking sockets with prepared bytes and next \
            to no parsing: what server and kernel leave to a client. Rounds are interleaved; the table shows medians, \
            and the processor time that a round trip takes in this process (both ends of it) and in the server.
            """)

    @Option(help: "How many rounds of each client.")
    var rounds = 5

    @Option(help: "Seconds of each measurement.")
    var seconds = 1.5

    @Option(name: .customLong("payload-bytes"), help: "Bytes of each message, both ways.")
    var payloadBytes = 2048

    @Option(name: .customLong("in-flight"), help: "Round trips kept in flight (repeatable).")
    var inFlight: [Int] = [1, 64]

    @Option(help: "The nats-server to use: current or debian (2.9).")
    var server = "current"

    private enum Client: String, CaseIterable {
        case natsClient = "NATSClient"
        case libNATS = "libnats"
        case libNATSAsap = "libnats, SendAsap"
        case floor = "floor"
    }

    /// One round, with the processor time of each round trip.
    private struct Round {
        var result: RoundTripRecorder.Result
        var clientMicroseconds: Double
        var serverMicroseconds: Double
    }

    func run() async throws {
        guard let release = NATSServerProcess.Release(rawValue: server) else {
            throw ValidationError("--server is 'current' or 'debian'")
        }
        let server = try await NATSServerProcess(release)
        let version = try await prepare(server)
        print("machine: \(MachineDescription.current)")
        print("nats-server \(version), \(payloadBytes) bytes both ways, \(rounds) rounds of \(seconds) s, medians\n")
        var table = Table(header: [
            "in flight", "client", "round trips/s", "p50 us", "p99 us", "CPU us, client", "CPU us, server",
            "of the floor",
        ])
        var summary: [String] = []
        for inFlight in inFlight {
            var results: [Client: [Round]] = [:]
            for _ in 0..<rounds {
                for client in Client.allCases {
                    results[client, default: []].append(try await measure(client, server: server, inFlight: inFlight))
                }
            }
            func median(_ client: Client, _ value: (Round) -> Double) -> Double {
                Statistics.median((results[client] ?? []).map(value))
            }
            let floor = median(.floor, \.result.perSecond)
            for client in Client.allCases {
                let rate = median(client, \.result.perSecond)
                table.rows.append([
                    "\(inFlight)", client.rawValue, rate.formatted(digits: 0),
                    median(client, \.result.p50Microseconds).formatted(digits: 0),
                    median(client, \.result.p99Microseconds).formatted(digits: 0),
                    median(client, \.clientMicroseconds).formatted(digits: 1),
                    median(client, \.serverMicroseconds).formatted(digits: 1),
                    (rate / floor).formatted(digits: 2),
                ])
            }
            let peerRate = max(median(.libNATS, \.result.perSecond), median(.libNATSAsap, \.result.perSecond))
            let peerLatency = min(
                median(.libNATS, \.result.p50Microseconds), median(.libNATSAsap, \.result.p50Microseconds))
            for client in [Client.natsClient, .floor] {
                let rate = (median(client, \.result.perSecond) / peerRate).formatted(digits: 2)
                let latency = (median(client, \.result.p50Microseconds) / peerLatency).formatted(digits: 2)
                summary.append(
                    "\(inFlight) in flight, \(client.rawValue): \(rate) x the rate, "
                        + "\(latency) x the p50 of the better libnats")
            }
        }
        print(table.text)
        print("\n" + summary.joined(separator: "\n"))
    }

    private static let stream = "BENCH"
    private static let subject = "bench.work.item"
    private static let consumer = "bench"

    /// Makes the stream and its consumer.
    /// - Returns: the server's version.
    private func prepare(_ server: NATSServerProcess) async throws -> String {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [server.url]), logger: logger)
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        var stream = StreamConfiguration(name: Self.stream, subjects: ["bench.work.>"])
        stream.retention = .workQueue
        stream.storage = .memory
        try await connection.jetStream.createStream(stream)
        var consumer = ConsumerConfiguration(durableName: Self.consumer, filterSubject: "bench.work.>")
        consumer.maxAckPending = 4096
        try await connection.jetStream.createConsumer(stream: Self.stream, consumer)
        let version = connection.serverInfo?.version ?? "?"
        await connection.close()
        return version
    }

    private func measure(_ client: Client, server: NATSServerProcess, inFlight: Int) async throws -> Round {
        let recorder = RoundTripRecorder(
            inFlight: inFlight, warmUp: .milliseconds(300), duration: .milliseconds(Int(seconds * 1000)))
        let clientStart = ProcessorTime.ofThisProcess
        let serverStart = server.processIdentifier.map(ProcessorTime.of(process:)) ?? 0
        switch client {
        case .natsClient:
            try await NATSClientRoundTrip.run(
                url: server.url, stream: Self.stream, subject: Self.subject, consumer: Self.consumer,
                payloadBytes: payloadBytes, recorder: recorder, inFlight: inFlight)
        case .libNATS, .libNATSAsap:
            try await LibNATSRoundTrip.run(
                url: server.url, stream: Self.stream, subject: "bench.work.>", publishSubject: Self.subject,
                consumer: Self.consumer, payloadBytes: payloadBytes, recorder: recorder, inFlight: inFlight,
                sendsAsSoonAsPossible: client == .libNATSAsap)
        case .floor:
            try await FloorRoundTrip.run(
                port: server.port, stream: Self.stream, subject: Self.subject, consumer: Self.consumer,
                payloadBytes: payloadBytes, recorder: recorder, inFlight: inFlight)
        }
        let count = Double(max(1, recorder.answeredCount))
        let serverEnd = server.processIdentifier.map(ProcessorTime.of(process:)) ?? 0
        return Round(
            result: recorder.result, clientMicroseconds: (ProcessorTime.ofThisProcess - clientStart) / count * 1e6,
            serverMicroseconds: (serverEnd - serverStart) / count * 1e6)
    }
}
