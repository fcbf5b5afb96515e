import Catalog
import Crypto
import JSONStream
import YAML

/// What the catalogue lacks of a model, or what in it contradicts the model.
package enum ModelDiff: Sendable, Hashable {
    /// A profile that is there with other content. The digests are of both contents, to be shown to people.
    package struct Conflict: Sendable, Hashable {
        package var profile: String
        package var wanted: String
        package var registered: String
    }

    /// The catalogue does not know the model.
    case absent
    /// It knows the model and lacks these profiles.
    case lacking(profiles: [String])
    /// It has every profile. Top-level fields that it does not have stay so: only a write that adds a profile adds them.
    case equal(unregisteredFields: [String])
    /// The catalogue is append-only: these profiles, or these top-level fields, stand in the way for ever.
    case conflicting(profiles: [Conflict], fields: [String])
    /// It knows the model and does not say what it knows: release 0.3.1 answers so for models that it does not store.
    case opaque

    /// Compares what is wanted with the config service's document of the model; nil where it has none.
    ///
    /// Profiles are compared as gateways do, by what they hash and by what they extend: options that are all empty are
    /// none, and so is null.
    ///
    /// - Throws: `CatalogError` where either document cannot be read as a model.
    package init(_ payload: ModelPayload, registered document: YAMLMapping?) throws(CatalogError) {
        guard let document else {
            self = .absent
            return
        }
        guard document["profiles"]?.mapping != nil else {
            self = .opaque
            return
        }
        let wanted = try ModelConfig(YAMLNode(json: payload.document))
        let registered = try ModelConfig(document)
        let known = Dictionary(registered.profiles.map { ($0.name, $0) }) { _, last in last }
        let conflicts = wanted.profiles.compactMap { profile -> Conflict? in
            guard let other = known[profile.name], !Self.isSame(profile, other) else { return nil }
            return Conflict(
                profile: profile.name, wanted: Self.digest(profile), registered: Self.digest(other))
        }
        let fields = wanted.document.entries.compactMap { entry -> String? in
            guard let key = entry.key.string, key != "profiles", let other = document[key], !other.isNull else {
                return nil
            }
            return other == entry.value ? nil : key
        }
        let lacking = wanted.profiles.map(\.name).filter { known[$0] == nil }
        if !conflicts.isEmpty || !fields.isEmpty {
            self = .conflicting(profiles: conflicts, fields: fields.sorted())
        } else if !lacking.isEmpty {
            self = .lacking(profiles: lacking)
        } else {
            let keys = wanted.document.entries.compactMap(\.key.string)
            self = .equal(unregisteredFields: keys.filter { document[$0]?.isNull ?? true }.sorted())
        }
    }

    private static func isSame(_ left: Profile, _ right: Profile) -> Bool {
        left.extends == right.extends && left.isHashedLike(right)
    }

    /// Twelve digits are enough to tell two contents apart by eye.
    private static func digest(_ profile: Profile) -> String {
        let fields = ["extends", "adapter_path", "max_batch_tokens", "compute_precision", "adapter_options"]
        let content = fields.compactMap { field -> JSONMember? in
            guard let node = profile.document[field], let value = try? JSONValue(node) else { return nil }
            return JSONMember(field, value)
        }
        let hash = SHA256.hash(data: CanonicalJSON.bytes(of: .object(content)))
        return String(Hexadecimal.text(of: hash).prefix(12))
    }

    /// What people are told of a conflict.
    package static func explanation(profiles: [Conflict], fields: [String], modelID: String) -> String {
        var parts = profiles.map { conflict in
            "profile \(conflict.profile) is registered with other content (\(conflict.registered), "
                + "wanted \(conflict.wanted))"
        }
        if !fields.isEmpty { parts.append("registered with other values: \(fields.joined(separator: ", "))") }
        return "\(modelID): \(parts.joined(separator: "; ")). The catalogue is append-only: add a profile of a new name"
    }
}
