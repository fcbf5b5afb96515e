import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// `sie-bench config`: the config service against the original, in turns on the same machine.
struct ConfigBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Writes, reads, exports, start and memory of sie-config against the Python sie-config.",
        discussion: """
            Run it after `swift build -c release --product sie-config` and, for the peer, scripts/bench-tools. Each \
            round starts both services on fresh stores, one after the other; the table shows medians of the rounds and \
            medians of the rounds' ratios.
            """)

    @Option(help: "Our program; by default the one built beside this.")
    var program: String?

    @Option(help: "The original's program.")
    var peer = ".tools/python-config/bin/sie-config"

    @Option(help: "Seconds of each load.")
    var seconds = 2.0

    @Option(help: "How many rounds.")
    var rounds = 3

    @Option(help: "How many stored models exports and starts are measured with.")
    var models = 5000

    @Option(help: "Where the stores are made; it decides which disk is measured.")
    var folder = FileManager.default.temporaryDirectory.path

    /// One figure of one round.
    private struct Figure {
        var name: String
        var unit: String
        /// Whether more is better.
        var isRate: Bool
        var wanted: String
        var ours: [Double] = []
        var theirs: [Double] = []
    }

    func run() async throws {
        let ours = try program ?? Tools.product("sie-config")
        for file in [ours, peer] where !FileManager.default.isExecutableFile(atPath: file) {
            throw ValidationError("\(file) is missing; scripts/bench-tools makes the peer")
        }
        let root = URL(filePath: folder).appending(path: "sie-bench-config-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let floor = DiskFloor.measure(in: root, seconds: min(seconds, 1))

        var figures: [Figure] = []
        for round in 0..<rounds {
            for isOurs in round % 2 == 0 ? [true, false] : [false, true] {
                let measured = try await measure(isOurs ? ours : peer, in: root.appending(path: "round"))
                if figures.isEmpty {
                    figures = measured.map {
                        Figure(name: $0.name, unit: $0.unit, isRate: $0.isRate, wanted: $0.wanted)
                    }
                }
                for (index, figure) in measured.enumerated() {
                    if isOurs { figures[index].ours += figure.ours } else { figures[index].theirs += figure.ours }
                }
                try FileManager.default.removeItem(at: root.appending(path: "round"))
            }
        }
        report(figures, floor)
    }

    /// All figures of one service, as `ours`.
    private func measure(_ program: String, in folder: URL) async throws -> [Figure] {
        let span = TimeAmount.nanoseconds(Int64(seconds * 1e9))
        var figures: [Figure] = []

        let small = folder.appending(path: "small")
        try ConfigWorkload.makeFolder(small, storedModels: 0)
        var server = try await ConfigServer(
            program, folder: small, port: try NATSServerProcess.freePort())
        let idle = server.residentMebibytes
        for clients in [1, 16] {
            let counter = Counter()
            let load = HTTPLoad(port: server.port) {
                ConfigWorkload.post("bench/written-\(clients)-\(counter.next())")
            }
            let outcome = try await load.run(connections: clients, duration: span)
            try check(outcome, "POST")
            figures.append(
                Figure(
                    name: "writes, \(clients) client\(clients == 1 ? "" : "s")", unit: "/s", isRate: true,
                    wanted: ">= 3x",
                    ours: [outcome.perSecond]))
        }
        for (name, path) in [
            ("reads of the epoch", "/v1/configs/epoch"), ("reads of a model", "/v1/configs/models/bench/baseline"),
        ] {
            let load = HTTPLoad(port: server.port, request: ConfigWorkload.get(path))
            let outcome = try await load.run(connections: 16, duration: span)
            try check(outcome, path)
            figures.append(
                Figure(
                    name: "\(name), 16 clients", unit: "/s", isRate: true, wanted: ">= 5x", ours: [outcome.perSecond]))
        }
        try await server.stop()

        let large = folder.appending(path: "large")
        try ConfigWorkload.makeFolder(large, storedModels: models)
        server = try await ConfigServer(program, folder: large, port: try NATSServerProcess.freePort())
        let loaded = server.residentMebibytes
        let export = HTTPLoad(port: server.port, request: ConfigWorkload.get("/v1/configs/export"))
        let outcome = try await export.run(connections: 1, duration: span)
        try check(outcome, "export")
        let exported = server.residentMebibytes
        try await server.stop()
        figures += [
            Figure(
                name: "exports of \(models) models", unit: "/s", isRate: true, wanted: ">= 10x",
                ours: [outcome.perSecond]),
            Figure(
                name: "start with \(models) stored models", unit: "s", isRate: false, wanted: "< 1 s",
                ours: [server.secondsToReady]),
            Figure(name: "memory at start", unit: "MiB", isRate: false, wanted: "<= 0.5x", ours: [idle]),
            Figure(name: "memory with \(models) models", unit: "MiB", isRate: false, wanted: "<= 0.5x", ours: [loaded]),
            Figure(name: "memory after exports", unit: "MiB", isRate: false, wanted: "<= 0.5x", ours: [exported]),
        ]
        return figures
    }

    private func check(_ outcome: HTTPLoad.Outcome, _ what: String) throws {
        guard outcome.failures == 0, outcome.requests > 0 else {
            throw HTTPLoad.Failure(description: "\(what): \(outcome.failures) of \(outcome.requests) requests failed")
        }
    }

    private func report(_ figures: [Figure], _ floor: (replacements: Double, flushes: Double)) {
        print("machine: \(MachineDescription.current)")
        print(
            "disk: \(floor.replacements.formatted(digits: 0)) durable replacements/s (write, fsync, rename, fsync of the "
                + "directory), \(floor.flushes.formatted(digits: 0)) flushes/s of one file")
        print("\(rounds) rounds of \(seconds.formatted(digits: 1)) s\n")
        var table = Table(header: ["", "sie-config", "original", "ratio", "wanted"])
        for figure in figures {
            let ratios = zip(figure.ours, figure.theirs).map { $0 / $1 }
            let digits = figure.unit == "s" ? 3 : 1
            func text(_ values: [Double]) -> String {
                "\(Statistics.median(values).formatted(digits: digits)) \(figure.unit)"
            }
            table.rows.append([
                figure.name, text(figure.ours), text(figure.theirs),
                "\(Statistics.median(ratios).formatted(digits: 2))x", figure.wanted,
            ])
        }
        print(table.text)
    }
}

/// Counts requests over all connections.
private final class Counter: Sendable {
    private let value = Atomic(0)

    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}
