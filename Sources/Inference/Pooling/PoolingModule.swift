import JSONStream

/// The pooling module of sentence-transformers: a folder whose `config.json` switches modes on.
struct PoolingModule {
    let pooling: Pooling

    private static let modes: [(String, Pooling)] = [
        ("pooling_mode_mean_tokens", .mean), ("pooling_mode_cls_token", .cls), ("pooling_mode_lasttoken", .last),
    ]

    init(directory: String) throws(CheckpointError) {
        let file = try JSONFile(path: directory + "/config.json")
        let chosen = Self.modes.filter { file.value[$0.0]?.boolValue == true }
        let others = file.value.objectValue?.filter { member in
            member.key.utf8.starts(with: "pooling_mode_".utf8) && member.value.boolValue == true
                && !Self.modes.contains { $0.0 == member.key }
        }
        guard chosen.count == 1, others?.isEmpty != false else {
            throw CheckpointError(
                file: file.path, "must switch on exactly one of mean, cls and last-token pooling")
        }
        pooling = chosen[0].1
    }
}
