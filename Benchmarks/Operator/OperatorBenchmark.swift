import ArgumentParser
import Foundation
import TestSupport

/// `sie-bench operator`: the operator on a real API server, beside a minimal controller on kopf.
struct OperatorBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Thousands of SIEModels at once, rest, memory and start of sie-operator on a real API server.",
        discussion: """
            Needs etcd and kube-apiserver (scripts/kube-apiserver), nats-server (scripts/test-tools), the built products \
            and, for the peer, scripts/bench-tools operator. The config service, one gateway and no worker run as \
            processes. The peer is a minimal controller on kopf: it only writes a Ready condition into each status.
            """)

    @Option(help: "How many models are applied at once.")
    var models = 2000

    @Option(help: "Requests at a time that apply them.")
    var parallel = 16

    @Option(help: "Seconds of rest during which nothing may be written; 0 leaves it out.")
    var steady = 300.0

    @Option(name: .customLong("large-models"), help: "Models for memory and start; 0 leaves both out.")
    var largeModels = 5000

    @Option(name: .customLong("config-maps"), help: "Unrelated ConfigMaps in the namespace for memory and start.")
    var configMaps = 10000

    @Option(help: "A Python with kopf; an empty text leaves the peer out.")
    var peer = ".tools/python-kopf/bin/python"

    func run() async throws {
        if !peer.isEmpty, !FileManager.default.isExecutableFile(atPath: peer) {
            throw ValidationError("\(peer) is missing; make it with scripts/bench-tools operator, or give --peer ''")
        }
        print("machine: \(MachineDescription.current)")
        let stack = try await OperatorBenchmarkStack.start()
        let namespace = try await stack.namespace()
        let program = try await stack.startOperator(in: namespace)
        let workload = ModelWorkload(client: stack.client, namespace: namespace, parallel: parallel)
        let watch = await ModelWatch(stack.client, in: namespace)

        var columns = [try await bulk(stack, workload, watch, program)]
        if steady > 0 { try await rest(stack, program) }
        if largeModels > models {
            try await large(stack, workload, watch, program)
        } else {
            try await program.stop()
        }
        if !peer.isEmpty { columns.append(try await bulkOfPeer(stack)) }
        report(columns)
        try await stack.stop()
    }

    // MARK: All at once

    /// What came of many models at once.
    private struct Bulk {
        var name: String
        var applied: Double
        var ready: Double
        var latencies: [Double]
        var writes: Double
        var processorSeconds: Double
        var residentMebibytes: Double
        var restingShare: Double?
    }

    private func bulk(
        _ stack: OperatorBenchmarkStack, _ workload: ModelWorkload, _ watch: ModelWatch, _ program: MeasuredOperator
    ) async throws -> Bulk {
        // The first one: every connection is open after it.
        try await workload.createModels(0..<1)
        try await watch.wait(for: 1, within: .seconds(60))
        try await program.settle(for: .seconds(1))

        let before = try await program.reading()
        let others = try await stack.processorSeconds()
        let writes = try await stack.writes()
        let start = ContinuousClock.now
        try await workload.createModels(1..<models)
        let applied = (ContinuousClock.now - start) / .seconds(1)
        try await watch.wait(for: models, within: .seconds(600))
        let ready = (ContinuousClock.now - start) / .seconds(1)
        let atReady = try await program.reading() - before
        let othersAtReady = try await stack.processorSeconds()
        try await program.settle()
        let used = try await program.reading() - before

        let count = Double(models - 1)
        print("\nsie-operator, \(models) models at once, \(parallel) requests at a time:\n")
        var table = Table(header: ["", "", "wanted"])
        table.rows = [
            ["all of them Ready after", "\(ready.formatted(digits: 1)) s", "< 90 s"],
            [
                "a reconcile, p50 and p99",
                [0.5, 0.99].map {
                    "\((Statistics.percentile($0, of: used.reconcileSeconds) * 1000).formatted(digits: 0)) ms"
                }.joined(separator: ", "), "",
            ],
            ["reconciles of a model", (used.reconciles / count).formatted(digits: 2), ""],
            ["PATCH of a model's status", (used.apiRequests["PATCH", default: 0] / count).formatted(digits: 2), ""],
            ["POST of an event, a model", (used.apiRequests["POST", default: 0] / count).formatted(digits: 2), ""],
            ["GET of the API server", used.apiRequests["GET", default: 0].formatted(digits: 0), ""],
            ["POSTs to sie-config", used.configWrites.formatted(digits: 0), "\(models - 1)"],
            ["the same, a second", (atReady.configWrites / ready).formatted(digits: 1), "<= 50"],
            ["GETs of sie-config, a model", (used.configReads / count).formatted(digits: 2), ""],
            ["requests to the gateway, a model", (used.probes / count).formatted(digits: 2), ""],
        ]
        table.rows += zip(othersAtReady, others).map { after, before in
            ["CPU of \(after.name)", "\((after.seconds - before.seconds).formatted(digits: 1)) s", ""]
        }
        print(table.text)
        if !program.log.isEmpty { print("\nwarnings of sie-operator, the last of them:\n\(program.log.suffix(1000))") }
        return Bulk(
            name: "sie-operator", applied: applied, ready: ready, latencies: watch.secondsToReady,
            writes: try await stack.writes() - writes - count, processorSeconds: atReady.processorSeconds,
            residentMebibytes: program.residentMebibytes)
    }

    private func bulkOfPeer(_ stack: OperatorBenchmarkStack) async throws -> Bulk {
        let namespace = try await stack.namespace()
        let workload = ModelWorkload(client: stack.client, namespace: namespace, parallel: parallel)
        let watch = await ModelWatch(stack.client, in: namespace)
        let script = Fixtures.repository.appending(path: "Benchmarks/Operator/kopf_peer.py").path
        let program = try ProgramProcess(
            peer, arguments: [script, namespace],
            environment: ["KUBECONFIG": try stack.server.kubeconfig(namespace: namespace)])
        func seconds() -> Double { ProcessorTime.of(process: program.processIdentifier) }
        do {
            try await workload.createModels(0..<1)
            try await watch.wait(for: 1, within: .seconds(60))
            let (used, writes) = (seconds(), try await stack.writes())
            let start = ContinuousClock.now
            try await workload.createModels(1..<models)
            let applied = (ContinuousClock.now - start) / .seconds(1)
            try await watch.wait(for: models, within: .seconds(900))
            let ready = (ContinuousClock.now - start) / .seconds(1)
            let usedAtReady = seconds()
            try await Task.sleep(for: .seconds(5))
            var bulk = Bulk(
                name: "kopf", applied: applied, ready: ready, latencies: watch.secondsToReady,
                writes: try await stack.writes() - writes - Double(models - 1), processorSeconds: usedAtReady - used,
                residentMebibytes: ProcessMemory.residentMebibytes(of: program.processIdentifier))
            let resting = seconds()
            try await Task.sleep(for: .seconds(20))
            bulk.restingShare = (seconds() - resting) / 20
            return bulk
        } catch {
            print(program.standardError.suffix(2000))
            throw error
        }
    }

    private func report(_ columns: [Bulk]) {
        print("\n\(models) models at once, seen from outside:\n")
        let count = Double(models - 1)
        var table = Table(header: [""] + columns.map(\.name))
        func row(_ name: String, _ text: (Bulk) -> String) { table.rows.append([name] + columns.map(text)) }
        row("applied within") { "\($0.applied.formatted(digits: 1)) s" }
        row("all of them Ready after") { "\($0.ready.formatted(digits: 1)) s" }
        row("from being there to Ready, p50") {
            "\(Statistics.percentile(0.5, ofSorted: $0.latencies).formatted(digits: 1)) s"
        }
        row("the same, p99") { "\(Statistics.percentile(0.99, ofSorted: $0.latencies).formatted(digits: 1)) s" }
        row("writes to the API server, a model") { ($0.writes / count).formatted(digits: 2) }
        row("CPU until Ready, a model") { "\(($0.processorSeconds / count * 1000).formatted(digits: 2)) ms" }
        row("memory afterwards") { "\($0.residentMebibytes.formatted(digits: 1)) MiB" }
        row("CPU at rest") { $0.restingShare.map { "\(($0 * 100).formatted(digits: 2)) %" } ?? "see above" }
        print(table.text)
    }

    // MARK: Rest

    private func rest(_ stack: OperatorBenchmarkStack, _ program: MeasuredOperator) async throws {
        let (before, writes) = (try await program.reading(), try await stack.writes())
        try await Task.sleep(for: .seconds(steady))
        let used = try await program.reading() - before
        print("\nsie-operator at rest with \(models) models, \(steady.formatted(digits: 0)) s:\n")
        var table = Table(header: ["", "", "wanted"])
        table.rows = [
            ["writes of objects", used.objectWrites.formatted(digits: 0), "0"],
            [
                "the API server's count, models and events",
                (try await stack.writes() - writes).formatted(digits: 0), "0",
            ],
            ["POSTs to sie-config", used.configWrites.formatted(digits: 0), "0"],
            ["renewals of the Lease", used.apiRequests["PUT", default: 0].formatted(digits: 0), ""],
            ["reconciles", used.reconciles.formatted(digits: 0), ""],
            ["GETs of sie-config", used.configReads.formatted(digits: 0), ""],
            ["CPU", "\((used.processorSeconds / steady * 100).formatted(digits: 2)) % of a core", "< 1 %"],
            ["memory", "\(program.residentMebibytes.formatted(digits: 1)) MiB", ""],
        ]
        print(table.text)
    }

    // MARK: Many

    private func large(
        _ stack: OperatorBenchmarkStack, _ workload: ModelWorkload, _ watch: ModelWatch, _ program: MeasuredOperator
    ) async throws {
        // The running operator makes the models ready; nobody needs to know of the ConfigMaps.
        try await workload.createModels(models..<largeModels)
        try await workload.createConfigMaps(0..<configMaps)
        try await watch.wait(for: largeModels, within: .seconds(900))
        try await program.settle()
        let working = program.residentMebibytes
        try await program.stop()

        let writes = try await stack.writes()
        let second = try await stack.startOperator(in: workload.namespace)
        let starting = second.residentMebibytes
        let deadline = ContinuousClock.now + .seconds(300)
        var reading = try await second.reading()
        while reading.reconciles < Double(largeModels), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            reading = try await second.reading()
        }
        try await second.settle()
        reading = try await second.reading()
        print("\nsie-operator with \(largeModels) models and \(configMaps) unrelated ConfigMaps:\n")
        var table = Table(header: ["", "", "wanted"])
        table.rows = [
            ["memory of the one that made all models Ready", "\(working.formatted(digits: 1)) MiB", "< 80 MB"],
            ["start to ready of the next one", "\(second.secondsToReady.formatted(digits: 2)) s", "< 3 s"],
            ["its memory then", "\(starting.formatted(digits: 1)) MiB", "< 80 MB"],
            [
                "its memory after \(reading.reconciles.formatted(digits: 0)) reconciles",
                "\(second.residentMebibytes.formatted(digits: 1)) MiB", "< 80 MB",
            ],
            ["its writes of models and events", (try await stack.writes() - writes).formatted(digits: 0), "0"],
        ]
        print(table.text)
        try await second.stop()
    }
}
