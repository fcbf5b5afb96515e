import JSONStream

/// What the files beside the weights say about turning hidden states into embeddings: `modules.json`, the pooling
/// module's `config.json` and `sentence_bert_config.json`, as sentence-transformers writes them.
struct SentenceTransformersLayout: Equatable, Sendable {
    var pooling = Pooling.mean
    var normalizes = false
    /// Tokens a text is cut to, special ones included; nil where the files do not say.
    var maxSequenceLength: Int?

    init(directory: String) throws(CheckpointError) {
        if let file = try JSONFile.ifPresent(directory + "/sentence_bert_config.json") {
            let limit = try file.int("max_seq_length", default: 0)
            if limit > 0 { maxSequenceLength = limit }
        }
        guard let modules = try JSONFile.ifPresent(directory + "/modules.json") else { return }
        guard let list = modules.value.arrayValue else {
            throw CheckpointError(file: modules.path, "must be an array of modules")
        }
        for module in list {
            let type = module["type"]?.stringValue ?? ""
            let kind = type.split(separator: ".").last.map(String.init) ?? type
            switch kind {
            case "Transformer": continue
            case "Normalize": normalizes = true
            case "Pooling":
                let path = module["path"]?.stringValue ?? ""
                guard !path.utf8.starts(with: "/".utf8), !path.split(separator: "/").contains("..") else {
                    throw CheckpointError(file: modules.path, "path '\(path)' leads out of the checkpoint")
                }
                pooling = try PoolingModule(directory: directory + "/" + path).pooling
            default: throw CheckpointError(file: modules.path, "module type '\(type)' is not supported")
            }
        }
    }
}
