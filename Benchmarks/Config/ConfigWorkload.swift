import Foundation
import NIOCore

/// The files and requests of the benchmark: models of one bundle, each as long as real ones are.
enum ConfigWorkload {
    static let token = "bench-admin-token"

    static func document(_ id: String) -> String {
        """
        sie_id: \(id)
        hf_id: \(id)
        inputs:
          text: true
        tasks:
          encode:
            dense:
              dim: 384
        max_sequence_length: 512
        profiles:
          default:
            adapter_path: sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter
            max_batch_tokens: 16384
            adapter_options:
              loadtime: {}
              runtime:
                pooling: mean
                normalize: true

        """
    }

    /// Makes a folder with bundles, one baseline model, and a store of so many models.
    static func makeFolder(_ folder: URL, storedModels count: Int) throws {
        let manager = FileManager.default
        for name in ["bundles", "models", "store/models"] {
            try manager.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        let bundle = "name: default\npriority: 10\nadapters:\n  - sie_server.adapters.sentence_transformer\n"
        try Data(bundle.utf8).write(to: folder.appending(path: "bundles/default.yaml"))
        try Data(document("bench/baseline").utf8).write(to: folder.appending(path: "models/bench__baseline.yaml"))
        for index in 0..<count {
            let file = folder.appending(path: "store/models/bench__stored-\(index).yaml")
            try Data(document("bench/stored-\(index)").utf8).write(to: file)
        }
        try Data(String(count).utf8).write(to: folder.appending(path: "store/epoch"))
    }

    static func get(_ path: String) -> ByteBuffer {
        ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(token)\r\n\r\n")
    }

    /// A request that adds a model of its own.
    static func post(_ id: String) -> ByteBuffer {
        let body = document(id)
        return ByteBuffer(
            string: "POST /v1/configs/models HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Type: application/x-yaml\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}
