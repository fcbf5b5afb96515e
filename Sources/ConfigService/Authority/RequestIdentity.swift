import Crypto

/// By what a request is known again: its idempotency key and its bytes.
struct RequestIdentity: Sendable, Hashable {
    /// The longest key, in bytes.
    static let maximumKeyBytes = 255

    /// The client's key.
    var key: String
    /// SHA-256 of the body, in hexadecimal digits.
    var bodyDigest: String

    /// The identity of a request with a key and a body.
    init(key: String, body: some Sequence<UInt8>) {
        self.key = key
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in SHA256.hash(data: Array(body)) { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        bodyDigest = String(decoding: text, as: UTF8.self)
    }
}
