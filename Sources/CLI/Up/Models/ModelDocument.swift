import YAML

/// Reads and writes the YAML documents that describe models.
package enum ModelDocument {
    /// The dense encoder for sentence-transformers checkpoints, of which the default bundle lists the module.
    private static let adapter = "sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter"

    /// A catalog's document, with the weights in a directory of this machine.
    package static func withWeights(_ yaml: String, path: String, fileName: String) throws(UpError) -> String {
        var document = try document(yaml, fileName: fileName)
        document["weights_path"] = .string(path)
        return YAMLEmitter().text(of: YAMLNode(.mapping(document)))
    }

    /// A document for a checkpoint that the catalog does not know: a dense encoder with the checkpoint's own sizes.
    package static func generated(id: String, checkpoint: Checkpoint) -> String {
        let document: YAMLNode = .mapping([
            "sie_id": .string(id),
            "weights_path": .string(checkpoint.path),
            "inputs": .mapping(["text": YAMLNode(.bool(true))]),
            "tasks": .mapping([
                "encode": .mapping(["dense": .mapping(["dim": .integer(checkpoint.hiddenSize)])])
            ]),
            "max_sequence_length": .integer(checkpoint.maxSequenceLength),
            "profiles": .mapping([
                "default": .mapping([
                    "max_batch_tokens": .integer(16_384),
                    "compute_precision": .string("float32"),
                    "adapter_path": .string(adapter),
                    "adapter_options": .mapping(["loadtime": .mapping([:]), "runtime": .mapping([:])]),
                ])
            ]),
        ])
        return YAMLEmitter().text(of: document)
    }

    private static func document(_ yaml: String, fileName: String) throws(UpError) -> YAMLMapping {
        let node: YAMLNode
        do {
            node = try YAMLNode(parsing: yaml)
        } catch {
            throw UpError("the catalog's \(fileName) cannot be read: \(error)", remedy: "Correct the file.")
        }
        guard let mapping = node.mapping else {
            throw UpError(
                "the catalog's \(fileName) is \(node.kindDescription), not a mapping", remedy: "Correct the file.")
        }
        return mapping
    }
}
