import YAML

/// A profile with what it inherits: a child's scalars win where they are not null, each of its `loadtime` and `runtime`
/// maps replaces the parent's whole where it is not empty.
public struct ResolvedProfile: Sendable {
    /// Why a profile cannot be resolved.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        case unknownProfile(model: String, profile: String)
        case unknownParent(model: String, profile: String, parent: String)
        /// Parents may not extend anything themselves.
        case nestedParent(model: String, profile: String, parent: String)

        public var description: String {
            switch self {
            case .unknownProfile(let model, let profile):
                "model '\(model)' has no profile '\(profile)'"
            case .unknownParent(let model, let profile, let parent):
                "profile '\(profile)' of model '\(model)' extends '\(parent)', which does not exist"
            case .nestedParent(let model, let profile, let parent):
                "profile '\(profile)' of model '\(model)' extends '\(parent)', which extends another itself"
            }
        }
    }

    /// The profile's name.
    public var name: String
    /// `module:Class` of the adapter.
    public var adapterPath: String?
    /// The most tokens a batch may hold.
    public var maxBatchTokens: Int?
    /// `float16`, `bfloat16` or `float32`; nil leaves it to the engine.
    public var computePrecision: String?
    /// Options that the adapter gets when it loads the model.
    public var loadtimeOptions: YAMLMapping
    /// Options that each request starts from.
    public var runtimeOptions: YAMLMapping
    /// Settings of the adaptive batcher, merged field by field; null values removed.
    public var adaptiveBatching: YAMLMapping
}

extension ModelConfig {
    /// The profile of a name with what it inherits.
    public func resolvedProfile(named name: String = "default") throws(ResolvedProfile.Failure) -> ResolvedProfile {
        guard let profile = profile(named: name) else {
            throw .unknownProfile(model: id, profile: name)
        }
        guard let parentName = profile.extends else { return ResolvedProfile(profile) }
        guard let parent = self.profile(named: parentName) else {
            throw .unknownParent(model: id, profile: name, parent: parentName)
        }
        guard parent.extends == nil else {
            throw .nestedParent(model: id, profile: name, parent: parentName)
        }
        let child = ResolvedProfile(profile)
        var resolved = ResolvedProfile(parent)
        resolved.name = name
        resolved.adapterPath = child.adapterPath ?? resolved.adapterPath
        resolved.maxBatchTokens = child.maxBatchTokens ?? resolved.maxBatchTokens
        resolved.computePrecision = child.computePrecision ?? resolved.computePrecision
        if !child.loadtimeOptions.isEmpty { resolved.loadtimeOptions = child.loadtimeOptions }
        if !child.runtimeOptions.isEmpty { resolved.runtimeOptions = child.runtimeOptions }
        for entry in child.adaptiveBatching.entries { resolved.adaptiveBatching.set(entry.key, entry.value) }
        return resolved
    }
}

extension ResolvedProfile {
    fileprivate init(_ profile: Profile) {
        var batching = YAMLMapping()
        for entry in profile.document["adaptive_batching"]?.mapping?.entries ?? [] where !entry.value.isNull {
            batching.set(entry.key, entry.value)
        }
        self.init(
            name: profile.name, adapterPath: profile.adapterPath, maxBatchTokens: profile.maxBatchTokens,
            computePrecision: profile.computePrecision, loadtimeOptions: profile.loadtimeOptions,
            runtimeOptions: profile.runtimeOptions, adaptiveBatching: batching)
    }
}
