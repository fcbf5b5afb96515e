import ArgumentParser
import Foundation
import Glibc
import TestSupport

/// `sie-bench worker`: sentences per second of the CPU engine against onnxruntime, both in processes of their own.
struct WorkerBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Sentences per second of all-MiniLM-L6-v2 against onnxruntime on the same texts and threads.",
        discussion: """
            Run it in the repository's root, after scripts/bench-tools has made .tools/python-bench. Engines take turns \
            over each workload, so that a busy machine slows all alike; the table shows medians. Our engine starts from \
            texts, onnxruntime from token ids.
            """,
        subcommands: [WorkerBenchmarkEngine.self])

    @Option(name: .customLong("model-dir"), help: "The checkpoint directory.")
    var modelDirectory = ".tools/models/all-MiniLM-L6-v2"

    @Option(help: "Threads of each engine.")
    var threads = 2

    @Option(help: "How many rounds of each engine.")
    var rounds = 7

    @Option(help: "A Python with onnxruntime.")
    var python = ".tools/python-bench/bin/python"

    @Option(help: "Where the peer's exported model is kept between runs.")
    var cache = ".tools/onnx-cache"

    func run() async throws {
        let driver = "Benchmarks/Worker/compare.py"
        for (file, advice) in [
            (driver, "run this in the repository's root"), (python, "run scripts/bench-tools first"),
            (modelDirectory + "/config.json", "run scripts/model first, or name a checkpoint with --model-dir"),
        ] where !FileManager.default.fileExists(atPath: file) {
            throw ValidationError("\(file) is missing: \(advice)")
        }
        let process = try ChildProcess(
            python,
            arguments: [
                driver, "--bench", try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                "--model", modelDirectory, "--cache", cache, "--threads", "\(threads)", "--rounds", "\(rounds)",
                "--machine", MachineDescription.current,
            ], input: .descriptor(STDIN_FILENO), output: .descriptor(STDOUT_FILENO), error: .descriptor(STDERR_FILENO))
        let status = process.waitUntilExit().code
        guard status == 0 else { throw ExitCode(status) }
    }
}
