import Kubernetes

extension SIEModel {
    /// The object whose model this one repeats, if there is one: of several with a model id, the oldest counts, and of
    /// equally old ones that of the smallest uid. One that is being deleted counts until it is gone.
    package func duplicated(among others: some Sequence<SIEModel>) -> ObjectKey? {
        guard let id = spec.value?.modelID else { return nil }
        let first = others.filter { $0.spec.value?.modelID == id && $0.metadata.uid != metadata.uid }
            .min { $0.isOlder(than: $1) }
        guard let first, first.isOlder(than: self) else { return nil }
        return first.key
    }

    private func isOlder(than other: SIEModel) -> Bool {
        // A time that is not known is the newest.
        let (mine, theirs) = (
            metadata.creationTimestamp?.secondsSince1970 ?? .max,
            other.metadata.creationTimestamp?.secondsSince1970 ?? .max
        )
        return (mine, metadata.uid ?? "") < (theirs, other.metadata.uid ?? "")
    }
}
