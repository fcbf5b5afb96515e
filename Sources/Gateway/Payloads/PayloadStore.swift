/// Where payloads lie that are too large for a message, until their request has ended (gateway contract 4.6). Workers
/// read from the same place; the key is all that travels.
package protocol PayloadStore: Sendable {
    /// Stores a payload; one of the same key is replaced.
    func put(_ bytes: [UInt8], key: String) async throws(PayloadStoreError)
    /// Removes a payload; one that is not there is no error.
    func delete(key: String) async throws(PayloadStoreError)
}

/// Why a payload could not be stored or removed.
package enum PayloadStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    case invalidKey(String)
    case failed(path: String, reason: String)

    package var description: String {
        switch self {
        case .invalidKey(let key): "'\(key)' is no payload key"
        case .failed(let path, let reason): "\(path): \(reason)"
        }
    }
}

/// The keys of payloads.
package enum PayloadKey {
    /// Where workers look in a bucket whose location has no prefix.
    package static let defaultBucketPrefix = "payloads"

    package static func item(_ index: Int, of request: String) -> String { "\(request)_\(index).bin" }

    package static func score(of request: String) -> String { "\(request)_score.bin" }

    /// Keys never lead out of the store, whoever made them.
    package static func isValid(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= 255
            && !key.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
            && !key.contains("..")
    }
}
