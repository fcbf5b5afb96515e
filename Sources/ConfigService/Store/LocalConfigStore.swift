import Catalog
import FoundationEssentials

/// A store in a directory.
struct LocalConfigStore: ConfigStore {
    private let root: String
    private var models: String { "\(root)/models" }

    /// A store below `root`, which need not exist yet.
    init(root: String) {
        self.root = root
    }

    func prepare() throws(ConfigStoreError) {
        do {
            try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        } catch {
            throw ConfigStoreError(operation: "create \(models)", reason: "\(error)")
        }
    }

    func modelIDs() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: models)) ?? [])
            .filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }
            .map { ModelIdentifier.id(ofFileStem: String($0.dropLast(".yaml".count))) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func modelText(_ id: String) -> String? {
        text(at: "\(models)/\(ModelIdentifier.fileName(of: id))")
    }

    func writeModel(_ id: String, text: String) throws(ConfigStoreError) {
        try AtomicFile.write(text, to: "\(models)/\(ModelIdentifier.fileName(of: id))")
    }

    func epoch() -> UInt64 {
        guard let text = text(at: "\(root)/epoch") else { return 0 }
        return UInt64(text.filter { !$0.isWhitespace }) ?? 0
    }

    func writeEpoch(_ epoch: UInt64) throws(ConfigStoreError) {
        try AtomicFile.write(String(epoch), to: "\(root)/epoch")
    }

    private func text(at path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return String(validating: data, as: UTF8.self)
    }
}
