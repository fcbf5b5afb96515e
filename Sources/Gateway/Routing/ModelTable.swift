/// The models a gateway can route to, indexed for look-up by the name in a request. Immutable: a change of
/// configuration makes a new one.
package struct ModelTable: Sendable {
    package struct Model: Equatable, Sendable {
        /// The id as registered: what workers know, and what is published.
        package var id: String
        package var profiles: Set<String>
        /// Bundles whose adapters can run the model, best first.
        package var bundles: [String]

        package init(id: String, profiles: Set<String>, bundles: [String]) {
            self.id = id
            self.profiles = profiles
            self.bundles = bundles
        }
    }

    /// A model and the profile a request names.
    package struct Match: Equatable, Sendable {
        package var model: Model
        package var profileID: String
    }

    private var exact: [String: Model] = [:]
    private var folded: [String: Model] = [:]
    private var bundleHashes: [String: String]

    /// - Parameter bundleHashes: `bundle_config_hash` of each bundle; a bundle without one has the hash `""`.
    package init(models: some Sequence<Model> = [], bundleHashes: [String: String] = [:]) {
        for model in models {
            exact[model.id] = model
            folded[model.id.lowercased()] = model
        }
        self.bundleHashes = bundleHashes
    }

    package var isEmpty: Bool { exact.isEmpty }

    package func bundleConfigHash(of bundle: String) -> String { bundleHashes[bundle] ?? "" }

    /// The model of this name, whatever its case.
    package func model(named name: String) -> Model? {
        exact[name] ?? folded[name.lowercased()]
    }

    /// Resolves `name` as a whole id first; else as `model:profile` or `model@profile`, split at the last mark.
    package func match(_ name: String) -> Match? {
        if let model = model(named: name) { return Match(model: model, profileID: "default") }
        guard let mark = name.utf8.lastIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "@") }) else {
            return nil
        }
        let profile = String(name[name.utf8.index(after: mark)...])
        guard let model = model(named: String(name[..<mark])), model.profiles.contains(profile) else { return nil }
        return Match(model: model, profileID: profile)
    }
}
