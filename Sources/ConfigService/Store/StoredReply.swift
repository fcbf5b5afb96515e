import JSONStream

/// The answer to a keyed write, kept so that the same request is never applied twice.
package struct StoredReply: Sendable, Hashable {
    /// How many are kept.
    package static let capacity = 1000
    /// How many bytes all that are kept may have together.
    package static let capacityBytes = 4 << 20

    /// The idempotency key.
    package var key: String
    /// SHA-256 of the request's body, in hexadecimal digits.
    package var bodyDigest: String
    /// The status of the answer.
    package var status: Int
    /// The JSON of the answer, byte for byte.
    package var body: String

    package init(key: String, bodyDigest: String, status: Int, body: String) {
        self.key = key
        self.bodyDigest = bodyDigest
        self.status = status
        self.body = body
    }

    fileprivate var bytes: Int { key.utf8.count + bodyDigest.utf8.count + body.utf8.count }
}

extension StoredReply {
    /// The answer as stores write it down.
    package var json: JSONValue {
        [
            "key": .string(key), "body_sha256": .string(bodyDigest), "status": .int(Int64(status)),
            "body": .string(body),
        ]
    }

    /// Reads an answer; nil where the value is none.
    package init?(_ json: JSONValue) {
        guard let key = json["key"]?.stringValue, let digest = json["body_sha256"]?.stringValue,
            let status = json["status"]?.intValue, let body = json["body"]?.stringValue
        else { return nil }
        self.init(key: key, bodyDigest: digest, status: status, body: body)
    }
}

extension [StoredReply] {
    /// Puts an answer last, in place of an earlier one with its key; the oldest go when there are too many.
    package mutating func remember(_ reply: StoredReply) {
        removeAll { $0.key == reply.key }
        append(reply)
        var bytes = reduce(0) { $0 + $1.bytes }
        while count > StoredReply.capacity || (bytes > StoredReply.capacityBytes && count > 1) {
            bytes -= removeFirst().bytes
        }
    }
}
