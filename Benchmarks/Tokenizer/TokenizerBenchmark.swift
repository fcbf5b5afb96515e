import ArgumentParser
import Foundation
import Inference
import JSONStream

/// `sie-bench tokenizer`: bytes of text per second against Hugging Face `tokenizers`, one thread each.
struct TokenizerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Tokenization on one thread against Hugging Face tokenizers on the same texts.",
        discussion: """
            Run it in the repository's root, after scripts/bench-tools has made .tools/python-bench. The two take turns \
            over each kind of text; the table shows medians. Ids are compared before anything is timed.
            """)

    @Option(name: .customLong("model-dir"), help: "A checkpoint directory with a tokenizer.json.")
    var modelDirectory = ".tools/models/all-MiniLM-L6-v2"

    @Option(help: "How many rounds of each.")
    var rounds = 7

    @Option(help: "A Python with tokenizers.")
    var python = ".tools/python-bench/bin/python"

    func run() throws {
        let file = modelDirectory + "/tokenizer.json"
        let definition = try JSONReader.decode(try Data(contentsOf: URL(filePath: file)))
        guard let vocabulary = definition["model"]?["vocab"] else { throw ValidationError("\(file) has no vocabulary") }
        let workloads = try TokenizerWorkload.all(
            vocabulary: vocabulary,
            hardTexts: try String(contentsOfFile: "Tests/Fixtures/tokenizer/texts.jsonl", encoding: .utf8),
            licence: try String(contentsOfFile: "LICENSE", encoding: .utf8))
        let tokenizer = try TokenizerFile(path: file).makeTokenizer(
            maxLength: 512, vocabularySize: vocabulary.objectValue?.count ?? 0)
        let texts = FileManager.default.temporaryDirectory.appending(path: "sie-bench-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: texts) }
        try Data(
            JSONWriter.encode(
                .object(workloads.map { JSONMember($0.name, .array($0.texts.map { .string($0) })) }))
        ).write(to: texts)

        let peer = try PeerProcess(python, ["Benchmarks/Tokenizer/huggingface_peer.py"])
        let version = try peer.ask(["tokenizer": .string(file), "texts": .string(texts.path)])["version"]
        print("machine: \(MachineDescription.current)")
        print(
            "Hugging Face tokenizers \(version?.stringValue ?? "?") encode_batch_fast, one thread, \(rounds) rounds\n")
        var table = Table(header: ["texts", "Hugging Face, MB/s", "sie, MB/s", "sie, M tokens/s", "ratio"])
        for workload in workloads {
            let tokens = try compareIDs(of: workload, tokenizer, peer)
            var theirs: [Double] = []
            var ours: [Double] = []
            for _ in 0..<rounds {
                theirs.append(try peer.ask(["kind": .string(workload.name)])["s"]?.doubleValue ?? .nan)
                ours.append(seconds(of: workload, tokenizer))
            }
            let size = Double(workload.bytes) / 1e6
            table.rows.append([
                workload.name, (size / Statistics.median(theirs)).formatted(digits: 2),
                (size / Statistics.median(ours)).formatted(digits: 1),
                (Double(tokens) / 1e6 / Statistics.median(ours)).formatted(digits: 2),
                Statistics.median(zip(theirs, ours).map { $0 / $1 }).formatted(digits: 1),
            ])
        }
        print(table.text)
    }

    private func seconds(of workload: TokenizerWorkload, _ tokenizer: any Tokenizer) -> Double {
        let clock = ContinuousClock()
        var ids = 0
        let elapsed = clock.measure {
            for text in workload.texts { ids += tokenizer.tokenize(text).ids.count }
        }
        precondition(ids > 0, "the compiler must not drop the work")
        return elapsed / .seconds(1)
    }

    /// How many ids the texts have; throws where the two tokenizers differ.
    private func compareIDs(
        of workload: TokenizerWorkload, _ tokenizer: any Tokenizer, _ peer: PeerProcess
    ) throws -> Int {
        let reference = try peer.ask(["kind": .string(workload.name), "ids": .bool(true)])["ids"]?.arrayValue ?? []
        var count = 0
        for (text, expected) in zip(workload.texts, reference) {
            let ids = tokenizer.tokenize(text).ids
            guard ids == expected.arrayValue?.compactMap(\.intValue).map({ Int32($0) }) else {
                throw ValidationError("ids differ for the text \(text.debugDescription)")
            }
            count += ids.count
        }
        guard reference.count == workload.texts.count else { throw ValidationError("the peer answered too few texts") }
        return count
    }
}
