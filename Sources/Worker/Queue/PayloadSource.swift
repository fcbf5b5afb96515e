/// Where the gateway leaves items too large for the queue; `payload_ref` names one of them (worker contract 2.13). The
/// gateway removes them.
package protocol PayloadSource: Sendable {
    /// Reads an item and hands it over on a thread that may block.
    func read(_ reference: String, _ body: @escaping @Sendable (Result<[UInt8], PayloadFailure>) -> Void)
}

/// Why an item cannot be had.
package enum PayloadFailure: Error, Equatable, Sendable {
    /// The reference leads out of the store.
    case outside
    case missing
    case tooLarge(bytes: Int)
    /// There is no store to look in.
    case noStore
    /// The store did not answer, or refused to.
    case unavailable(reason: String)
}

/// The names that `payload_ref` may hold.
package enum PayloadReference {
    /// Whether a reference stays below the place that it is looked up in: a path without `.`, `..` and empty parts.
    package static func isPlain(_ reference: String) -> Bool {
        reference.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8) && !part.contains(0)
        }
    }
}
