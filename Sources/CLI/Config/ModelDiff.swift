import Catalog
import JSONStream
import YAML

/// What pushing a model's document would change in a catalogue.
package struct ModelDiff: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case unchanged
        case additions
        /// The service would refuse it.
        case refused
    }

    package var verdict: Verdict
    /// One line a profile or field: `+` new, `=` known, `!` in the way, `~` without effect.
    package var lines: [String]

    /// - Parameters:
    ///   - stored: the model as the service has it; nil for one that it does not know.
    ///   - bundles: the service's bundles.
    package init(_ document: YAMLMapping, stored: YAMLMapping?, bundles: [Bundle]) throws(CatalogError) {
        var registry = Registry(bundles: bundles)
        if let stored { registry.insert(try ModelConfig(stored)) }
        do {
            let append = try ModelAppend(document, to: registry, stored: nil)
            verdict = append.createsSomething ? .additions : .unchanged
            lines = Self.lines(append, document, stored: stored)
        } catch {
            verdict = .refused
            lines = Self.lines(error, document, stored: stored)
        }
    }

    private static func lines(_ append: ModelAppend, _ document: YAMLMapping, stored: YAMLMapping?) -> [String] {
        let served = append.affectedBundles.joined(separator: ", ")
        var lines = append.createdProfiles.map { "+ profile \($0), served by \(served)" }
        lines += append.skippedProfiles.map { "= profile \($0)" }
        for entry in document.entries {
            guard let key = entry.key.string, key != "profiles", key != "sie_id", stored?[key] == nil else { continue }
            lines.append(
                append.createsSomething
                    ? "+ \(key): \(text(entry.value))"
                    : "~ \(key): \(text(entry.value)) (not taken over: it comes with no new profile)")
        }
        return lines
    }

    private static func lines(
        _ refusal: ModelAppend.Refusal, _ document: YAMLMapping, stored: YAMLMapping?
    ) -> [String] {
        switch refusal {
        case .invalid(let issues):
            return issues.map { "! \($0.message)" }
        case .conflictingProfiles(let names):
            return names.flatMap { name in
                differences(
                    stored?["profiles"]?[name] ?? YAMLNode(.null), document["profiles"]?[name] ?? YAMLNode(.null),
                    at: "profile \(name)")
            }
        case .conflictingFields(let names):
            return names.flatMap { name in
                differences(stored?[name] ?? YAMLNode(.null), document[name] ?? YAMLNode(.null), at: name)
            }
        }
    }

    /// The places at which two values differ.
    private static func differences(_ stored: YAMLNode, _ file: YAMLNode, at path: String) -> [String] {
        guard let old = stored.mapping, let new = file.mapping else {
            return stored == file ? [] : ["! \(path): stored \(text(stored)), in the file \(text(file))"]
        }
        var lines: [String] = []
        for entry in old.entries {
            guard let key = entry.key.string else { continue }
            if let other = new[key] {
                lines += differences(entry.value, other, at: "\(path).\(key)")
            } else {
                lines.append("! \(path).\(key): stored \(text(entry.value)), not in the file")
            }
        }
        for entry in new.entries {
            guard let key = entry.key.string, old[key] == nil else { continue }
            lines.append("! \(path).\(key): not stored, in the file \(text(entry.value))")
        }
        return lines.isEmpty && stored != file ? ["! \(path) differs"] : lines
    }

    /// A value in one line.
    private static func text(_ node: YAMLNode) -> String {
        guard let json = try? JSONValue(node, nonStringKeys: .convert) else { return node.kindDescription }
        return String(decoding: JSONWriter.encode(json), as: UTF8.self)
    }
}
