import Crypto
import JSONStream

/// The models of one bundle as its `bundle_config_hash` covers them: the canonical text of each, in the order of the
/// digest.
///
/// A registry that grows by one model replaces one text here. What is left to do for a new digest is to hash the bytes,
/// some hundred for each model, where writing them all anew costs thirty times as much.
struct ServedModels: Sendable {
    private struct Entry: Sendable {
        var id: String
        var text: [UInt8]
    }

    private let modules: Set<String>
    private let scheme: BundleConfigHash.Scheme
    /// In code point order of the ids.
    private var entries: [Entry] = []

    /// - Parameters:
    ///   - models: all models; those that the bundle does not serve are left out.
    ///   - modules: the adapter modules of the bundle.
    init(_ models: some Sequence<ModelConfig>, modules: Set<String>, scheme: BundleConfigHash.Scheme) {
        self.modules = modules
        self.scheme = scheme
        entries = models.compactMap(entry).sorted { $0.id.codePointsPrecede($1.id) }
    }

    /// Puts a model in the place of what it was before, if anything.
    mutating func update(_ model: ModelConfig) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id.codePointsPrecede(model.id) { low = middle + 1 } else { high = middle }
        }
        if low < entries.count, entries[low].id == model.id { entries.remove(at: low) }
        if let entry = entry(model) { entries.insert(entry, at: low) }
    }

    /// 64 hexadecimal digits, or the empty string where the bundle serves no model.
    var digest: String {
        guard !entries.isEmpty else { return "" }
        var hash = SHA256()
        forEachPart { hash.update(data: $0) }
        return hash.finalize().hexadecimal
    }

    /// The bytes that are hashed: a JSON array of the models; none where the bundle serves no model.
    var canonicalText: [UInt8] {
        var text: [UInt8] = []
        if !entries.isEmpty { forEachPart { text += $0 } }
        return text
    }

    private func forEachPart(_ body: ([UInt8]) -> Void) {
        var separator = Array("[".utf8)
        for entry in entries {
            body(separator)
            body(entry.text)
            separator = Array(",".utf8)
        }
        body(Array("]".utf8))
    }

    private func entry(_ model: ModelConfig) -> Entry? {
        guard scheme == .worker031 || !model.modules.isDisjoint(with: modules) else { return nil }
        let profiles = model.profiles
            .filter { profile in
                // A profile without an adapter of its own is in every bundle of the model; its parent is not asked.
                scheme == .worker031 || profile.module.map(modules.contains) ?? true
            }
            .sorted { $0.name.codePointsPrecede($1.name) }
            .map { profile -> JSONValue in ["name": .string(profile.name), "config": profile.hashed(scheme)] }
        return Entry(
            id: model.id,
            text: JSONWriter.encode(
                ["sie_id": .string(model.id), "profiles": .array(profiles)], options: scheme.writing))
    }
}
