/// Where written models and the epoch outlive the process.
///
/// Calls block, and the store is asked anew each time, so that an edit by hand shows at once. Every backend keeps the
/// same layout: `models/<id with / as __>.yaml` and `epoch`.
protocol ConfigStore: Sendable {
    /// Makes the store ready for use.
    func prepare() throws(ConfigStoreError)
    /// The ids of all stored models in code point order; none where they cannot be listed.
    func modelIDs() -> [String]
    /// The stored text of a model; nil where there is none or it cannot be read.
    func modelText(_ id: String) -> String?
    /// Stores a model's text, durably and as a whole or not at all.
    func writeModel(_ id: String, text: String) throws(ConfigStoreError)
    /// The counter; 0 where it is missing or unreadable.
    func epoch() -> UInt64
    /// Stores the counter, durably.
    func writeEpoch(_ epoch: UInt64) throws(ConfigStoreError)
}

/// A store that did not do what it was asked for; what it held before is intact.
struct ConfigStoreError: Error, CustomStringConvertible {
    /// What was to be done, to which object.
    var operation: String
    /// Why it failed.
    var reason: String

    var description: String { "\(operation): \(reason)" }
}
