/// A store that did not do what it was asked for.
package struct ConfigStoreError: Error, CustomStringConvertible {
    /// What the failure means for the state.
    package enum Kind: Sendable, Hashable {
        /// Nothing was changed; trying again later may help.
        case unavailable
        /// Another writer has claimed the store; nothing was changed, and nothing will be by this process.
        case stale
        /// Whether the change was made is unknown until the store is loaded again.
        case unsettled
    }

    package var kind: Kind
    /// What was to be done, to which object.
    package var operation: String
    /// Why it failed.
    package var reason: String

    package init(_ kind: Kind = .unavailable, operation: String, reason: String) {
        self.kind = kind
        self.operation = operation
        self.reason = reason
    }

    package var description: String { "\(operation): \(reason)" }
}
