import JSONStream
import YAML

extension SIEModel {
    package func ruleIssues(_ spec: Spec, replacing old: Spec?) -> [SpecIssue] {
        var issues = Self.issues(ofModelID: spec.modelID)
        issues += Self.issues(of: spec.profiles)
        if spec.readiness.policy != .acked, spec.readiness.minAckedWorkers != nil {
            issues.append(SpecIssue("spec.readiness", "minAckedWorkers needs policy Acked"))
        }
        for key in Self.reservedKeys where spec.metadata?[key] != nil {
            issues.append(SpecIssue("spec.metadata", "\(key) has a field of its own and must not be in metadata"))
        }
        return issues + (old.map { Self.issues(replacing: $0, with: spec) } ?? [])
    }

    /// Keys of the document that spec fields stand for.
    package static let reservedKeys = [
        "sie_id", "hf_id", "hf_revision", "default_bundle", "max_sequence_length", "profiles",
    ]

    private static func issues(ofModelID id: String) -> [SpecIssue] {
        var issues: [SpecIssue] = []
        let bytes = Array(id.utf8)
        let hasPair = zip(bytes, bytes.dropFirst()).contains { left, right in
            left == right && [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/")].contains(left)
        }
        if hasPair || bytes.last == UInt8(ascii: "/") {
            issues.append(
                SpecIssue("spec.modelID", "modelID must not contain '..', '__', '//' or end with '/'"))
        }
        if id == "status" || bytes.suffix(7).elementsEqual("/status".utf8) {
            issues.append(SpecIssue("spec.modelID", "modelID must not be 'status' or end with '/status'"))
        }
        return issues
    }

    private static func issues(of profiles: [Profile]) -> [SpecIssue] {
        var issues: [SpecIssue] = []
        if !profiles.contains(where: { $0.adapterPath != nil }) {
            issues.append(SpecIssue("spec.profiles", "at least one profile must set adapterPath"))
        }
        let names = Set(profiles.map(\.name))
        if profiles.contains(where: { profile in
            profile.extends.map { $0 == profile.name || !names.contains($0) } ?? false
        }) {
            issues.append(SpecIssue("spec.profiles", "extends must name another profile of this model"))
        }
        for (index, profile) in profiles.enumerated() where profile.adapterPath == nil && profile.extends == nil {
            issues.append(SpecIssue("spec.profiles[\(index)]", "a profile needs adapterPath or extends"))
        }
        return issues
    }

    /// What was registered stays as it is.
    private static func issues(replacing old: Spec, with new: Spec) -> [SpecIssue] {
        var issues: [SpecIssue] = []
        if !same(old.modelID, new.modelID) {
            issues.append(SpecIssue("spec.modelID", "modelID is immutable"))
        }
        let optionals: [(field: String, old: JSONValue?, new: JSONValue?, change: String)] = [
            (
                "defaultBundle", old.defaultBundle.map(JSONValue.string), new.defaultBundle.map(JSONValue.string),
                "defaultBundle is immutable once set"
            ),
            (
                "hfID", old.hfID.map(JSONValue.string), new.hfID.map(JSONValue.string),
                "hfID is immutable once set"
            ),
            (
                "hfRevision", old.hfRevision.map(JSONValue.string), new.hfRevision.map(JSONValue.string),
                "hfRevision is immutable once set"
            ),
            (
                "maxSequenceLength", old.maxSequenceLength.map { .int(Int64($0)) },
                new.maxSequenceLength.map { .int(Int64($0)) }, "maxSequenceLength is immutable once set"
            ),
            (
                "metadata", old.metadata, new.metadata,
                "metadata is immutable once set (append-only registry)"
            ),
        ]
        for (field, before, after, change) in optionals {
            guard let before else { continue }
            if after == nil {
                issues.append(SpecIssue("spec", "\(field) cannot be removed once set (append-only)"))
            } else if !same(before, after) {
                issues.append(SpecIssue("spec.\(field)", change))
            }
        }
        let names = Set(new.profiles.map(\.name))
        if !old.profiles.allSatisfy({ names.contains($0.name) }) {
            issues.append(
                SpecIssue(
                    "spec.profiles", "profiles cannot be removed (append-only); add a new profile name instead"))
        }
        for (index, profile) in new.profiles.enumerated() {
            guard let before = old.profiles.first(where: { $0.name == profile.name }), !same(before, profile) else {
                continue
            }
            issues.append(
                SpecIssue(
                    "spec.profiles[\(index)]",
                    "an existing profile is immutable (append-only); add a new profile name instead"))
        }
        return issues
    }

    private static func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

    /// Whether two values are one to the catalogue, whatever the order of their members.
    private static func same(_ left: JSONValue?, _ right: JSONValue?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return YAMLNode(json: left) == YAMLNode(json: right)
    }

    private static func same(_ left: Profile, _ right: Profile) -> Bool {
        left.extends == right.extends && left.adapterPath == right.adapterPath
            && left.maxBatchTokens == right.maxBatchTokens && left.computePrecision == right.computePrecision
            && (left.adapterOptions == nil) == (right.adapterOptions == nil)
            && same(left.adapterOptions?.loadtime, right.adapterOptions?.loadtime)
            && same(left.adapterOptions?.runtime, right.adapterOptions?.runtime)
            && same(left.adaptiveBatching, right.adaptiveBatching)
    }
}
