/// What a store holds at one version.
struct StoredState: Sendable {
    /// The version.
    var version: StoreVersion
    /// The count of writes that created something.
    var epoch: UInt64 = 0
    /// The texts of the models by id.
    var models: [String: String] = [:]
    /// The answers to the latest keyed writes, the oldest first; at most `StoredReply.capacity`.
    var replies: [StoredReply] = []

    /// Applies what a commit changed, in the order in which it was made.
    mutating func apply(_ change: StoredChange) {
        epoch = change.epoch
        if let model = change.model { models[model.id] = model.text }
        if let reply = change.reply { replies.remember(reply) }
    }
}
