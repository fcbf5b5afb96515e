/// What a store holds at one version.
package struct StoredState: Sendable, Equatable {
    /// The version.
    package var version: StoreVersion
    /// The count of writes that created something.
    package var epoch: UInt64
    /// The texts of the models by id.
    package var models: [String: String]
    /// The answers to the latest keyed writes, the oldest first; see `StoredReply.capacity`.
    package var replies: [StoredReply]

    package init(
        version: StoreVersion, epoch: UInt64 = 0, models: [String: String] = [:], replies: [StoredReply] = []
    ) {
        self.version = version
        self.epoch = epoch
        self.models = models
        self.replies = replies
    }

    /// Applies a change, in the order in which it was committed.
    package mutating func apply(_ change: StoredChange) {
        epoch = change.epoch
        if let model = change.model { models[model.id] = model.text }
        if let reply = change.reply { replies.remember(reply) }
    }
}
