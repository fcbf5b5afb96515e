import ArgumentParser
import Foundation
import Inference
import JSONStream

/// `sie-bench worker engine`: our engine behind the driver's protocol, one JSON object a line on standard input and
/// output:
///
///     {"cmd": "load", "model": DIRECTORY, "threads": N, "workloads": FILE}     -> {"ok": true, "load_s": seconds}
///     {"cmd": "run", "workload": NAME}                  -> {"s": seconds, "n": sequences, "rss_mb": ..., "peak_mb": ...}
///     {"cmd": "embed", "workload": NAME, "out": FILE}   -> {"ok": true, "dim": width}, float32 rows in the file
///     {"cmd": "quit"}
struct WorkerBenchmarkEngine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "The CPU engine behind the driver's protocol.", shouldDisplay: false)

    private struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private struct Loaded {
        let model: EmbeddingModel
        let pool: InferencePool
        let workloads: [String: BenchmarkWorkload]
    }

    func run() async throws {
        let clock = ContinuousClock()
        var loaded: Loaded?
        while let line = readLine() {
            let request = try JSONReader.decode(line.utf8)
            switch request["cmd"]?.stringValue {
            case "load":
                let start = clock.now
                let ready = try load(request)
                loaded = ready
                answer(#"{"ok": true, "load_s": \#((clock.now - start) / .seconds(1))}"#)
            case "run":
                let (loaded, workload) = try find(request, in: loaded)
                let start = clock.now
                let vectors = await encode(workload, with: loaded)
                let seconds = (clock.now - start) / .seconds(1)
                guard vectors.count == workload.texts.count * loaded.model.dimension else {
                    throw Failure("the pool refused a text")
                }
                answer(
                    #"{"s": \#(seconds), "n": \#(workload.texts.count), "rss_mb": \#(memory("VmRSS:")), "#
                        + #""peak_mb": \#(memory("VmHWM:"))}"#)
            case "embed":
                let (loaded, workload) = try find(request, in: loaded)
                guard let path = request["out"]?.stringValue else { throw Failure("'embed' needs 'out'") }
                let vectors = await encode(workload, with: loaded)
                try vectors.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
                answer(#"{"ok": true, "dim": \#(loaded.model.dimension)}"#)
            case "quit":
                loaded?.pool.shutDown()
                return
            default:
                throw Failure("unknown command in \(line)")
            }
        }
    }

    private func load(_ request: JSONValue) throws -> Loaded {
        guard let directory = request["model"]?.stringValue, let threads = request["threads"]?.intValue,
            let file = request["workloads"]?.stringValue
        else { throw Failure("'load' needs 'model', 'threads' and 'workloads'") }
        let workloads = try JSONReader.decode(try Data(contentsOf: URL(fileURLWithPath: file)))
        let model = try EmbeddingModel(directory: directory, engine: try CPUEngine())
        return Loaded(
            model: model, pool: InferencePool(InferencePool.Configuration(threads: threads)),
            workloads: Dictionary(
                uniqueKeysWithValues: (workloads.objectValue ?? []).map { ($0.key, BenchmarkWorkload($0.value)) }))
    }

    private func find(_ request: JSONValue, in loaded: Loaded?) throws -> (Loaded, BenchmarkWorkload) {
        guard let loaded, let workload = request["workload"]?.stringValue.flatMap({ loaded.workloads[$0] }) else {
            throw Failure("'load' comes first, and 'workload' names one of its workloads")
        }
        return (loaded, workload)
    }

    /// Encodes a workload batch after batch, as the peer does: the next one starts when the one before is done.
    private func encode(_ workload: BenchmarkWorkload, with loaded: Loaded) async -> [Float] {
        var vectors: [Float] = []
        var start = 0
        while start < workload.texts.count {
            let texts = workload.texts[start..<min(start + workload.batch, workload.texts.count)]
            vectors += await encode(Array(texts), with: loaded)
            start += texts.count
        }
        return vectors
    }

    private func encode(_ texts: [String], with loaded: Loaded) async -> [Float] {
        let collector = VectorCollector(count: texts.count, dimension: loaded.model.dimension)
        return await withCheckedContinuation { continuation in
            collector.resumeWhenComplete(continuation)
            for (index, text) in texts.enumerated() {
                let accepted = loaded.pool.submit(
                    EmbeddingJob(model: loaded.model, text: text) { result, _ in
                        collector.finish(index, vector: try? result.get())
                    })
                if !accepted { collector.finish(index, vector: nil) }
            }
        }
    }

    private func answer(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// A size of this process in MB.
    private func memory(_ field: String) -> Double {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
    }
}
