/// Why a registry refused a model. Nothing has changed then.
public enum RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The model has no profiles.
    case missingProfiles(model: String)
    /// A profile names neither an adapter nor a profile it extends.
    case missingAdapterPath(model: String, profile: String)
    /// These modules, sorted, are in no bundle.
    case unknownAdapters(model: String, modules: [String])
    /// A profile is known already and differs; catalogues only grow.
    case profileConflict(model: String, profile: String)

    /// A stable name of the rule.
    public var code: String {
        switch self {
        case .missingProfiles, .missingAdapterPath, .unknownAdapters: "validation_error"
        case .profileConflict: "content_conflict"
        }
    }

    public var description: String {
        switch self {
        case .missingProfiles:
            "Missing required field: profiles"
        case .missingAdapterPath(_, let profile):
            "Profile '\(profile)' missing adapter_path"
        case .unknownAdapters(_, let modules):
            "Adapter(s) not in any known bundle: \(modules.joined(separator: ", "))"
        case .profileConflict(let model, let profile):
            "Profile '\(profile)' on model '\(model)' already exists with different config (append-only)"
        }
    }
}
