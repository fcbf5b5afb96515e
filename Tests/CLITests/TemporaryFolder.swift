import Foundation

/// A folder for one test, removed with the last reference.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "cli-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to file: String) throws {
        try write(Data(text.utf8), to: file)
    }

    func write(_ data: Data, to file: String) throws {
        let url = URL(filePath: path).appending(path: file)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    /// Writes a small checkpoint that reads as whole.
    func writeCheckpoint(_ folder: String, hiddenSize: Int = 8, weights: Data? = nil) throws {
        try write(
            #"{"architectures": ["BertModel"], "hidden_size": \#(hiddenSize), "max_position_embeddings": 512}"#,
            to: "\(folder)/config.json")
        try write("{}", to: "\(folder)/tokenizer.json")
        let header = Data(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        try write(weights ?? length + header + Data([0, 0, 0, 0]), to: "\(folder)/model.safetensors")
    }
}
