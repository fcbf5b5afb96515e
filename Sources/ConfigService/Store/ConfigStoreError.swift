/// A store that did not do what it was asked for.
struct ConfigStoreError: Error, CustomStringConvertible {
    /// What the failure means for the state.
    enum Kind: Sendable, Hashable {
        /// Nothing was changed; trying again later may help.
        case unavailable
        /// Another writer has claimed the store; nothing was changed, and nothing will be by this process.
        case stale
        /// Whether the change was made is unknown until the store is loaded again.
        case unsettled
    }

    var kind = Kind.unavailable
    /// What was to be done, to which object.
    var operation: String
    /// Why it failed.
    var reason: String

    var description: String { "\(operation): \(reason)" }
}
