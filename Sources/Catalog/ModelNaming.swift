/// How a model name in a request finds its model and profile.
public enum ModelNaming {
    /// A model name of a request, resolved.
    public struct Resolution: Sendable, Hashable {
        /// The registered spelling of the model's id.
        public var modelID: String
        /// The profile that a suffix of the name asked for; nil where there was none.
        public var profile: String?

        /// Creates a resolution.
        public init(modelID: String, profile: String?) {
            self.modelID = modelID
            self.profile = profile
        }
    }

    /// Finds the model of a requested name: first the name as a whole, in any case; else, split at its last `:` or `@`,
    /// a known model with a known profile.
    ///
    /// - Returns: nil where there is no such model, or where it has no such profile.
    public static func resolve(_ name: String, in registry: Registry) -> Resolution? {
        if let id = registry.modelID(matching: name) { return Resolution(modelID: id, profile: nil) }
        guard let separator = name.lastIndex(where: { $0 == ":" || $0 == "@" }) else { return nil }
        let profile = String(name[name.index(after: separator)...])
        guard let model = registry.model(named: String(name[..<separator])), model.profile(named: profile) != nil
        else { return nil }
        return Resolution(modelID: model.id, profile: profile)
    }
}
