/// One write as a store keeps it.
struct StoredChange: Sendable, Hashable, Codable {
    /// A model's document.
    struct Model: Sendable, Hashable, Codable {
        var id: String
        var text: String
    }

    /// The epoch after the write.
    var epoch: UInt64
    /// The model as it is after the write; nil where only the answer is to be kept.
    var model: Model?
    /// The answer to be repeated, where the write came with an idempotency key.
    var reply: StoredReply?
}
