import Crypto
import JSONStream

/// The models of one bundle as its `bundle_config_hash` covers them: the canonical text of each, in the order of the
/// digest.
///
/// A registry that grows by one model replaces one text here. What is left to do for a new digest is to hash the texts from
/// that one on, some hundred bytes for each model: the hashes of what comes before are kept.
struct ServedModels: Sendable {
    /// An object, of which copies of the whole have to keep no more than one reference.
    private final class Entry: Sendable {
        let id: String
        let text: [UInt8]
        /// The model's member of the pools that `bundle_config_hashes_hash` covers.
        let pool: [UInt8]

        init(id: String, text: [UInt8], pool: [UInt8]) {
            self.id = id
            self.text = text
            self.pool = pool
        }
    }

    /// How many texts lie between two hashes that are kept.
    private static let stride = 64

    private let modules: Set<String>
    private let scheme: BundleConfigHash.Scheme
    /// In code point order of the ids.
    private var entries: [Entry] = []
    /// The hash of the text up to each multiple of the stride, as far as it is known.
    private var prefixes = [SHA256()]

    /// - Parameters:
    ///   - models: all models; those that the bundle does not serve are left out.
    ///   - modules: the adapter modules of the bundle.
    init(_ models: some Sequence<ModelConfig>, modules: Set<String>, scheme: BundleConfigHash.Scheme) {
        self.modules = modules
        self.scheme = scheme
        entries = models.compactMap(entry).sorted { $0.id.codePointsPrecede($1.id) }
    }

    /// Puts a model in the place of what it was before, if anything.
    ///
    /// - Returns: whether the bundle serves the model, or did.
    mutating func update(_ model: ModelConfig) -> Bool {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id.codePointsPrecede(model.id) { low = middle + 1 } else { high = middle }
        }
        let isKnown = low < entries.count && entries[low].id == model.id
        let entry = entry(model)
        switch (isKnown, entry) {
        case (true, let entry?): entries[low] = entry
        case (true, nil): entries.remove(at: low)
        case (false, let entry?): entries.insert(entry, at: low)
        case (false, nil): return false
        }
        prefixes.removeLast(max(0, prefixes.count - 1 - low / Self.stride))
        return true
    }

    /// 64 hexadecimal digits, or the empty string where the bundle serves no model.
    mutating func digest() -> String {
        guard !entries.isEmpty else { return "" }
        var start = (prefixes.count - 1) * Self.stride
        var hash = prefixes[prefixes.count - 1]
        var text: [UInt8] = []
        while start < entries.count {
            let end = min(start + Self.stride, entries.count)
            text.removeAll(keepingCapacity: true)
            append(start..<end, to: &text)
            // In one piece: for as short a text as a model's, the call costs more than the hashing.
            hash.update(data: text)
            if end - start == Self.stride { prefixes.append(hash) }
            start = end
        }
        hash.update(data: Self.end)
        return hash.finalize().hexadecimal
    }

    /// The bytes that are hashed: a JSON array of the models; none where the bundle serves no model.
    var canonicalText: [UInt8] {
        var text: [UInt8] = []
        guard !entries.isEmpty else { return text }
        append(entries.indices, to: &text)
        return text + Self.end
    }

    /// The JSON object of the models' pools, in the order of the ids.
    var pools: [UInt8] { BundlesHash.object(ofMembers: entries.lazy.map(\.pool)) }

    private static let end = [UInt8(ascii: "]")]

    private func append(_ indices: Range<Int>, to text: inout [UInt8]) {
        for index in indices {
            text.append(UInt8(ascii: index == 0 ? "[" : ","))
            text += entries[index].text
        }
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
                ["sie_id": .string(model.id), "profiles": .array(profiles)], options: scheme.writing),
            pool: BundlesHash.poolMember(of: model))
    }
}
