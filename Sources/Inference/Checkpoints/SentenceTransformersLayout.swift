import JSONStream

/// How the token vectors of a sequence become one vector.
public enum Pooling: String, Sendable, CaseIterable {
    /// The first token's vector.
    case cls
    /// The mean over all tokens, special ones included.
    case mean
    /// The last token's vector.
    case last
}

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
                pooling = try Self.pooling(directory + "/" + (module["path"]?.stringValue ?? "") + "/config.json")
            default: throw CheckpointError(file: modules.path, "module type '\(type)' is not supported")
            }
        }
    }

    private static func pooling(_ path: String) throws(CheckpointError) -> Pooling {
        let file = try JSONFile(path: path)
        let modes: [(String, Pooling)] = [
            ("pooling_mode_mean_tokens", .mean), ("pooling_mode_cls_token", .cls), ("pooling_mode_lasttoken", .last),
        ]
        let chosen = modes.filter { file.value[$0.0]?.boolValue == true }
        let others = file.value.objectValue?.filter { member in
            member.key.hasPrefix("pooling_mode_") && member.value.boolValue == true
                && !modes.contains { $0.0 == member.key }
        }
        guard chosen.count == 1, others?.isEmpty != false else {
            throw CheckpointError(file: path, "must switch on exactly one of mean, cls and last-token pooling")
        }
        return chosen[0].1
    }
}
