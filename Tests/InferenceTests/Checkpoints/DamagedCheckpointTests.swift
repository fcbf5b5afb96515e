import Foundation
import Inference
import JSONStream
import TestSupport
import Testing

/// A whole checkpoint of a tiny encoder whose files are then damaged in every way.
private struct TinyCheckpoint {
    static let config = """
        {"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":16,\
        "vocab_size":12,"max_position_embeddings":16,"type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu"}
        """
    static let tokenizer = """
        {"version":"1.0","added_tokens":[{"id":0,"content":"[PAD]","special":true,"normalized":false},\
        {"id":3,"content":"[MASK]","single_word":true,"lstrip":true,"rstrip":true,"normalized":false,"special":true},\
        {"id":11,"content":"Ok","normalized":true,"special":false}],\
        "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,\
        "lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},\
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},\
        {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],\
        "special_tokens":{"[CLS]":{"ids":[1]},"[SEP]":{"ids":[2]}}},\
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,\
        "vocab":{"[PAD]":0,"[CLS]":1,"[SEP]":2,"[MASK]":3,"[UNK]":4,"a":5,"##b":6,"c":7,"##\\u0e35":8,"\\u4e2d":9,"!":10,"ok":11}}}
        """
    static let modules = #"[{"type":"sentence_transformers.models.Pooling","path":"1_Pooling"},{"type":"x.Normalize"}]"#
    static let pooling =
        #"{"word_embedding_dimension":8,"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":false}"#
    static let sentence = #"{"max_seq_length":12,"do_lower_case":false}"#

    static let files: [(name: String, content: [UInt8])] = [
        ("config.json", Array(config.utf8)), ("tokenizer.json", Array(tokenizer.utf8)),
        ("modules.json", Array(modules.utf8)), ("1_Pooling/config.json", Array(pooling.utf8)),
        ("sentence_bert_config.json", Array(sentence.utf8)), ("model.safetensors", weights),
    ]

    /// All tensors of the encoder, filled with small numbers.
    static let weights: [UInt8] = {
        let (hidden, wide) = (8, 16)
        let layer = "encoder.layer.0."
        var shapes: [(String, [Int])] = [
            ("embeddings.word_embeddings.weight", [12, hidden]),
            ("embeddings.position_embeddings.weight", [16, hidden]),
            ("embeddings.token_type_embeddings.weight", [2, hidden]), ("embeddings.LayerNorm.weight", [hidden]),
            ("embeddings.LayerNorm.bias", [hidden]), (layer + "intermediate.dense.weight", [wide, hidden]),
            (layer + "intermediate.dense.bias", [wide]), (layer + "output.dense.weight", [hidden, wide]),
            (layer + "output.dense.bias", [hidden]), (layer + "output.LayerNorm.weight", [hidden]),
            (layer + "output.LayerNorm.bias", [hidden]), (layer + "attention.output.LayerNorm.weight", [hidden]),
            (layer + "attention.output.LayerNorm.bias", [hidden]),
        ]
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            shapes.append((layer + "attention.\(part).weight", [hidden, hidden]))
            shapes.append((layer + "attention.\(part).bias", [hidden]))
        }
        var members: [JSONMember] = []
        var data: [UInt8] = []
        for (name, shape) in shapes {
            let start = data.count
            for index in 0..<shape.reduce(1, *) {
                withUnsafeBytes(of: (Float(index % 7) - 3) / 8) { data.append(contentsOf: $0) }
            }
            members.append(
                JSONMember(
                    name,
                    [
                        "dtype": "F32", "shape": .array(shape.map { .int(Int64($0)) }),
                        "data_offsets": [.int(Int64(start)), .int(Int64(data.count))],
                    ]))
        }
        let header = JSONWriter.encode(.object(members))
        return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header + data
    }()

    let directory: URL

    /// Writes the checkpoint, one file replaced.
    init(replacing name: String = "", by content: [UInt8] = []) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "checkpoint-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory.appending(path: "1_Pooling"), withIntermediateDirectories: true)
        for file in Self.files {
            try Data(file.name == name ? content : file.content).write(to: directory.appending(path: file.name))
        }
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    /// Loads the checkpoint and runs it on a text that reaches every step.
    func encode(_ engine: CPUEngine) throws -> [Float] {
        try EmbeddingModel(directory: directory.path, engine: engine).makeSession()
            .encode("a ab [MASK] \u{e9}\u{4e2d}! ok\u{0} " + String(repeating: "c ", count: 20))
    }
}

@Suite("Damaged checkpoints")
struct DamagedCheckpointTests {
    @Test("the checkpoint that is damaged below encodes while it is whole")
    func whole() throws {
        let checkpoint = try TinyCheckpoint()
        defer { checkpoint.remove() }
        let vector = try checkpoint.encode(try CPUEngine())
        #expect(vector.count == 8)
        #expect((vector.reduce(0) { $0 + $1 * $1 } - 1).magnitude < 1e-5)
    }

    @Test("a file cut short anywhere is refused with its name", arguments: TinyCheckpoint.files.map(\.name))
    func cut(name: String) throws {
        let engine = try CPUEngine()
        let content = try #require(TinyCheckpoint.files.first { $0.name == name }).content
        let step = max(1, content.count / 150)
        for length in stride(from: 0, to: content.count, by: step) {
            let checkpoint = try TinyCheckpoint(replacing: name, by: Array(content[..<length]))
            defer { checkpoint.remove() }
            let error = #expect(throws: CheckpointError.self, "\(length) bytes") { _ = try checkpoint.encode(engine) }
            #expect(error?.file.hasSuffix(name) == true)
        }
    }

    @Test(
        "damage of any kind is refused with an error that names a file, or harmless; never a crash",
        arguments: TinyCheckpoint.files.map(\.name), 0..<2)
    func damaged(name: String, seed: Int) throws {
        let engine = try CPUEngine()
        let content = try #require(TinyCheckpoint.files.first { $0.name == name }).content
        // Damage to the numbers of a tensor is harmless by nature: aim at the header.
        let reach = name == "model.safetensors" ? min(content.count, 2200) : content.count
        var generator = SeededGenerator(seed: UInt64(seed) + 31)
        for _ in 0..<200 {
            var bytes = content
            for _ in 0..<Int.random(in: 1...3, using: &generator) { Self.damage(&bytes, reach, &generator) }
            let checkpoint = try TinyCheckpoint(replacing: name, by: bytes)
            defer { checkpoint.remove() }
            do {
                #expect(try checkpoint.encode(engine).count <= 1024)
            } catch let error as CheckpointError {
                #expect(error.file.hasPrefix(checkpoint.directory.path), "\(error)")
            }
        }
    }

    /// Flips, removes, repeats or inserts bytes, or replaces a number by an unlikely one.
    private static func damage(_ bytes: inout [UInt8], _ reach: Int, _ generator: inout SeededGenerator) {
        let place = Int.random(in: 0..<min(reach, bytes.count), using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] = .random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator)))
        case 2:
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
            bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 3:
            bytes.insert(contentsOf: [0xff, 0x00, 0x22, 0x5c, 0x7b, 0x5d].shuffled(using: &generator)[..<2], at: place)
        default:
            guard let digit = bytes[place..<min(reach, bytes.count)].firstIndex(where: { 0x30...0x39 ~= $0 }) else {
                return
            }
            let numbers = [
                "-1", "0", "1e999", "9223372036854775807", "99999999999999999999", "100000000", "null", "0.5",
            ]
            if let number = numbers.randomElement(using: &generator) {
                bytes.replaceSubrange(digit...digit, with: Array(number.utf8))
            }
        }
        if bytes.isEmpty { bytes = [0] }
    }

    @Test("a folder of the pooling module outside the checkpoint is refused", arguments: ["../x", "/etc", "a/../.."])
    func traversal(path: String) throws {
        let modules = #"[{"type":"sentence_transformers.models.Pooling","path":"\#(path)"}]"#
        let checkpoint = try TinyCheckpoint(replacing: "modules.json", by: Array(modules.utf8))
        defer { checkpoint.remove() }
        let error = #expect(throws: CheckpointError.self) { _ = try checkpoint.encode(try CPUEngine()) }
        #expect(error?.description.contains("leads out of the checkpoint") == true)
    }
}
