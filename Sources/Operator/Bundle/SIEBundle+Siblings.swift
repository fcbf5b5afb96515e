import Catalog
import Kubernetes

/// What a bundle is among the others of its namespace.
extension SIEBundle {
    /// The object whose bundle this one repeats, if there is one: the oldest of a name counts, and of equally old ones that
    /// of the smallest uid. One that is being deleted counts until it is gone.
    package func duplicated(among others: some Sequence<SIEBundle>) -> ObjectKey? {
        guard let name = bundleName else { return nil }
        return oldest(of: others.filter { $0.bundleName == name })
    }

    /// The object that is the default bundle in place of this one, which wants to be it.
    package func defaultElsewhere(among others: some Sequence<SIEBundle>) -> ObjectKey? {
        guard spec.value?.default == true else { return nil }
        return oldest(of: others.filter { $0.spec.value?.default == true })
    }

    /// The oldest of others, if it is older than this one.
    private func oldest(of others: [SIEBundle]) -> ObjectKey? {
        let first = others.filter { $0.metadata.uid != metadata.uid && $0.metadata.namespace == metadata.namespace }
            .min { $0.age < $1.age }
        guard let first, first.age < age else { return nil }
        return first.key
    }

    /// Small for the old; a time that is not known is the newest.
    private var age: (Int64, String) {
        (metadata.creationTimestamp?.secondsSince1970 ?? .max, metadata.uid ?? "")
    }

    /// The name of the bundle for what names none: that of the oldest object that wants to be it.
    package static func defaultBundle(among bundles: some Sequence<SIEBundle>) -> String? {
        bundles.filter { $0.spec.value?.default == true }.min { $0.age < $1.age }?.bundleName
    }

    /// Adapters that a change of this bundle takes away from models that have no other, with the models' ids.
    ///
    /// - Parameters:
    ///   - published: the adapters of the definition that is published now.
    ///   - models: all that are to be served.
    ///   - others: the other bundles of the namespace.
    package func adaptersInUse(
        published: Set<String>, models: some Sequence<SIEModel>, others: some Sequence<SIEBundle>
    ) -> [String: [String]] {
        let kept = spec.value?.adapters ?? []
        let elsewhere = others.flatMap { other in
            other.metadata.uid == metadata.uid || other.isTerminating ? [] : other.spec.value?.adapters ?? []
        }
        let removed = published.subtracting(kept).subtracting(elsewhere)
        if removed.isEmpty { return [:] }
        let remaining = Set(kept).union(elsewhere)
        var inUse: [String: [String]] = [:]
        for model in models where !model.isTerminating {
            guard let spec = model.spec.value else { continue }
            let modules = Set(
                spec.profiles.compactMap { $0.adapterPath.map { AdapterModule.name(ofPath: $0) } })
            // Some profile can still be served.
            guard modules.isDisjoint(with: remaining) else { continue }
            for adapter in modules.intersection(removed) { inUse[adapter, default: []].append(spec.modelID) }
        }
        return inUse.mapValues { $0.sorted() }
    }

    /// How many models the bundle can serve.
    package func modelCount(among models: some Sequence<SIEModel>) -> Int {
        let adapters = Set(spec.value?.adapters ?? [])
        return models.reduce(0) { count, model in
            let paths = model.spec.value?.profiles.compactMap(\.adapterPath) ?? []
            return paths.contains { adapters.contains(AdapterModule.name(ofPath: $0)) } ? count + 1 : count
        }
    }
}

extension SIEModel {
    /// Whether one of its adapters is in a bundle of its namespace that the config service does not tell yet.
    package func awaitsBundle(among bundles: some Sequence<SIEBundle>) -> Bool {
        let modules = Set(
            (spec.value?.profiles ?? []).compactMap { $0.adapterPath.map { AdapterModule.name(ofPath: $0) } })
        return bundles.contains { bundle in
            bundle.metadata.namespace == metadata.namespace && !bundle.isTerminating
                && bundle.status?.conditions.isTrue(.advertised) != true
                && bundle.spec.value?.adapters.contains { modules.contains($0) } == true
        }
    }
}
