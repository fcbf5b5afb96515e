import FoundationEssentials

/// A directory with a model's weights, tokenizer and configuration, as the Hugging Face hub stores them.
package struct Checkpoint: Sendable, Equatable {
    /// Absolute.
    package var path: String
    package var architecture: String
    /// The size of the vectors.
    package var hiddenSize: Int
    /// In tokens, including the special ones.
    package var maxSequenceLength: Int

    /// Reads what `sie up` needs of a checkpoint, and finds out early what would keep a worker from loading it.
    package static func read(_ directory: String) throws(UpError) -> Checkpoint {
        let path = URL(filePath: directory, directoryHint: .isDirectory).standardizedFileURL.path
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory else {
            throw UpError(
                "the model directory \(path) does not exist",
                remedy: "Name a directory that holds config.json, tokenizer.json and model.safetensors.")
        }
        let config = try json(ModelConfiguration.self, "config.json", in: path)
        for name in ["tokenizer.json"] where !FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            throw broken(path, "\(name) is missing")
        }
        try checkWeights(in: path)
        let sentence =
            FileManager.default.fileExists(atPath: "\(path)/sentence_bert_config.json")
            ? try json(SentenceConfiguration.self, "sentence_bert_config.json", in: path) : nil
        return Checkpoint(
            path: path, architecture: config.architectures?.first ?? "unknown", hiddenSize: config.hiddenSize,
            maxSequenceLength: sentence?.maxSeqLength ?? config.maxPositionEmbeddings ?? 512)
    }

    private struct ModelConfiguration: Decodable {
        package var architectures: [String]?
        var hiddenSize: Int
        var maxPositionEmbeddings: Int?
    }

    private struct SentenceConfiguration: Decodable {
        var maxSeqLength: Int?
    }

    private static func json<Document: Decodable>(
        _ type: Document.Type, _ name: String, in path: String
    ) throws(UpError) -> Document {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else {
            throw broken(path, "\(name) is missing")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: data)
        } catch {
            throw broken(path, "\(name) cannot be read: \(error)")
        }
    }

    /// An interrupted download or a Git LFS pointer is seen by the length that the header of safetensors states
    /// (eight bytes, little endian; https://huggingface.co/docs/safetensors).
    private static func checkWeights(in path: String) throws(UpError) {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .filter { $0.hasSuffix(".safetensors") }
        guard !names.isEmpty else { throw broken(path, "no *.safetensors file is there") }
        for name in names {
            guard let file = try? FileHandleReader.prefix(of: "\(path)/\(name)", count: 8), file.bytes.count == 8 else {
                throw broken(path, "\(name) cannot be read, or is empty")
            }
            let headerLength = file.bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard headerLength > 1, headerLength < 100 << 20, headerLength + 8 < file.size else {
                throw broken(path, "\(name) is not a safetensors file, or only a part of one")
            }
        }
    }

    private static func broken(_ path: String, _ what: String) -> UpError {
        UpError(
            "the model in \(path) cannot be used: \(what)",
            remedy: "Get the whole checkpoint again, or name another directory with --model-dir.")
    }
}
