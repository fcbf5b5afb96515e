/// Reads and writes the YAML documents that describe models.
enum ModelDocument {
    /// The dense encoder that reads a sentence-transformers checkpoint; the default bundle lists its module.
    private static let adapter = "sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter"

    /// A document of the catalog.
    static func catalogModel(fileName: String, yaml: String) throws(UpError) -> CatalogDirectory.Model {
        guard let id = value(of: "sie_id", in: yaml) else {
            throw UpError("\(fileName) of the catalog has no sie_id", remedy: "Give it one.")
        }
        return CatalogDirectory.Model(id: id, hubID: value(of: "hf_id", in: yaml), fileName: fileName, yaml: yaml)
    }

    /// A document of the catalog, with its weights in a directory of this machine.
    static func withWeights(_ yaml: String, path: String, fileName: String) throws(UpError) -> String {
        let kept = yaml.split(separator: "\n", omittingEmptySubsequences: false).filter {
            !$0.hasPrefix("weights_path:")
        }
        return kept.joined(separator: "\n") + (yaml.hasSuffix("\n") ? "" : "\n") + "weights_path: \(quoted(path))\n"
    }

    /// A document for a checkpoint that the catalog does not know: a dense encoder.
    static func generated(id: String, checkpoint: Checkpoint) throws(UpError) -> String {
        """
        sie_id: \(quoted(id))
        weights_path: \(quoted(checkpoint.path))
        inputs:
          text: true
        tasks:
          encode:
            dense:
              dim: \(checkpoint.hiddenSize)
        max_sequence_length: \(checkpoint.maxSequenceLength)
        profiles:
          default:
            max_batch_tokens: 16384
            compute_precision: float32
            adapter_path: \(adapter)
            adapter_options:
              loadtime: {}
              runtime: {}

        """
    }

    private static func value(of key: String, in yaml: String) -> String? {
        yaml.split(separator: "\n").first { $0.hasPrefix("\(key):") }
            .map { $0.dropFirst(key.count + 1).filter { !" \"'".contains($0) } }
    }

    private static func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
