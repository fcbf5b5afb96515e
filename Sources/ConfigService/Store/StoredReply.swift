/// The answer to a keyed write, kept so that the same request is never applied twice.
struct StoredReply: Sendable, Hashable, Codable {
    /// How many are kept.
    static let capacity = 1000

    /// The idempotency key.
    var key: String
    /// SHA-256 of the request's body, in hexadecimal digits.
    var bodyDigest: String
    /// The status of the answer.
    var status: Int
    /// The JSON of the answer, byte for byte.
    var body: String
}

extension [StoredReply] {
    /// Puts an answer last, in place of an earlier one with its key; the oldest go when there are too many.
    mutating func remember(_ reply: StoredReply) {
        removeAll { $0.key == reply.key }
        append(reply)
        if count > StoredReply.capacity { removeFirst(count - StoredReply.capacity) }
    }
}
