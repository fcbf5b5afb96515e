import YAML

/// What a posted model document would change, worked out before anything changes.
///
/// These are the control plane's rules, which look at whole documents; `Registry.add` has the looser ones of mirrors.
public struct ModelAppend: Sendable {
    /// Why a document is refused.
    public enum Refusal: Error, Sendable, Hashable {
        /// Fields break a rule or the model could be routed nowhere.
        case invalid([SchemaIssue])
        /// These profiles, in the order of the document, exist with other content.
        case conflictingProfiles([String])
        /// These top-level keys, sorted, exist with other values.
        case conflictingFields([String])
    }

    /// What happens where a document contradicts what is known.
    public enum Conflicts: Sendable {
        /// It is refused, as a write is.
        case refuse
        /// What is known stays and only the rest is added, as stored models are restored at start.
        case keepKnown
    }

    /// The model after the write: what was known, then what is new.
    public let model: ModelConfig
    /// New profiles in the order of the document.
    public let createdProfiles: [String]
    /// Known profiles with equal content, in the order of the document.
    public let skippedProfiles: [String]
    /// The bundles that can serve the model after the write, by ascending priority.
    public let affectedBundles: [String]

    /// Whether the write changes anything.
    public var createsSomething: Bool { !createdProfiles.isEmpty }

    /// Checks a document and merges it with what is known.
    ///
    /// - Parameters:
    ///   - document: the posted mapping; the grammar of its id is the caller's to check first.
    ///   - registry: the models and bundles as they are.
    ///   - stored: the document stored for the id, where the registry may not hold all of it because it was not
    ///     restored at start.
    ///   - conflicts: what happens where the document contradicts what is known.
    public init(
        _ document: YAMLMapping, to registry: Registry, stored: YAMLMapping?, conflicts policy: Conflicts = .refuse
    ) throws(Refusal) {
        let posted = try Self.validated(document, registry)
        let known = registry.models[posted.id]
        let knownNames = Set((known?.profiles ?? []).map(\.name))

        // Equality of profiles is of the whole mapping, by value; the registry comes before the store.
        var conflicts: [String] = []
        var created: [String] = []
        var skipped: [String] = []
        for profile in posted.profiles {
            let content = YAMLNode(.mapping(profile.document))
            let other = known?.document["profiles"]?[profile.name] ?? stored?["profiles"]?[profile.name]
            if let other, other != content { conflicts.append(profile.name) }
            if !knownNames.contains(profile.name) {
                created.append(profile.name)
            } else {
                skipped.append(profile.name)
            }
        }

        let before = (stored ?? YAMLMapping()).appending(known?.document ?? YAMLMapping())
        let merged = before.appending(document)
        let model: ModelConfig
        do {
            model = try ModelConfig(merged)
        } catch {
            throw .invalid([SchemaIssue([], error.message)])
        }
        let affected = registry.route(of: model.modules)
        if !created.isEmpty, affected.isEmpty {
            throw .invalid([SchemaIssue(["profiles"], "No bundle can serve any profile of model '\(posted.id)'")])
        }
        if policy == .refuse {
            try Self.refuseCycles(created, in: model)
            guard conflicts.isEmpty else { throw .conflictingProfiles(conflicts) }
            let fields = Self.conflictingFields(document, before)
            guard fields.isEmpty else { throw .conflictingFields(fields) }
        }
        self.model = model
        createdProfiles = created
        skippedProfiles = skipped
        affectedBundles = affected
    }

    /// Refuses new profiles whose parents lead back to themselves, which no worker could resolve.
    private static func refuseCycles(_ created: [String], in model: ModelConfig) throws(Refusal) {
        var parents: [String: String] = [:]
        for profile in model.profiles { parents[profile.name] = profile.extends }
        // Each profile is walked over once; those that end somewhere are no part of a cycle.
        var isSound: Set<String> = []
        for name in created {
            var path: Set<String> = []
            var current = name
            while let parent = parents[current], !isSound.contains(current) {
                guard path.insert(current).inserted else {
                    let mark = model.document["profiles"]?[current]?["extends"]?.mark ?? .none
                    throw refusal(
                        ["profiles", current, "extends"],
                        "\(mark): profile '\(current)' extends itself by way of '\(parent)'")
                }
                current = parent
            }
            isSound.formUnion(path)
        }
    }

    /// The top-level keys, sorted, that both documents have with different values.
    private static func conflictingFields(_ document: YAMLMapping, _ before: YAMLMapping) -> [String] {
        document.entries.compactMap { entry -> String? in
            guard let key = entry.key.string, key != "profiles", let other = before[key] else { return nil }
            return other == entry.value ? nil : key
        }.sorted { $0.codePointsPrecede($1) }
    }

    private static func validated(_ document: YAMLMapping, _ registry: Registry) throws(Refusal) -> ModelConfig {
        guard let id = document["sie_id"], id.isTruthy else {
            throw refusal(["sie_id"], "Missing required field: sie_id")
        }
        guard id.string != nil else {
            throw refusal(["sie_id"], "sie_id must be a string, but is \(id.kindDescription)")
        }
        guard let profiles = document["profiles"], profiles.isTruthy else {
            throw refusal(["profiles"], "Missing required field: profiles")
        }
        guard let entries = profiles.mapping?.entries else {
            throw refusal(["profiles"], "profiles must be a mapping, but is \(profiles.kindDescription)")
        }
        for entry in entries {
            guard let name = entry.key.string else {
                throw refusal(["profiles"], "a profile name must be a string, but is \(entry.key.kindDescription)")
            }
            guard let profile = entry.value.mapping else {
                throw refusal(
                    ["profiles", name], "Profile '\(name)' must be a mapping, but is \(entry.value.kindDescription)")
            }
            let path = profile["adapter_path"] ?? YAMLNode(.null)
            if !path.isNull, path.string == nil {
                throw refusal(
                    ["profiles", name, "adapter_path"],
                    "adapter_path of profile '\(name)' must be a string, but is \(path.kindDescription)")
            }
            if (path.string ?? "").isEmpty, (profile["extends"]?.string ?? "").isEmpty {
                throw refusal(["profiles", name, "adapter_path"], "Profile '\(name)' missing adapter_path")
            }
        }
        let model: ModelConfig
        do {
            model = try ModelConfig(document)
        } catch {
            throw refusal(["profiles"], error.message)
        }
        let unknown = registry.unknownModules(of: model)
        guard unknown.isEmpty else {
            throw refusal(["profiles"], "Adapter(s) not in any known bundle: \(unknown.joined(separator: ", "))")
        }
        return model
    }

    private static func refusal(_ location: [String], _ message: String) -> Refusal {
        .invalid([SchemaIssue(location, message)])
    }
}
