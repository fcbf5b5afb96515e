/// What reads answer from: one moment between two commits.
struct ConfigSnapshot: Sendable {
    /// Bundles and models; nil where they could not be loaded.
    var catalogue: Catalogue?
    /// The count of writes that created something; 0 without a store.
    var epoch: UInt64 = 0
}
