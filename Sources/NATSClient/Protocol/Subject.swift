/// The rules of subjects: tokens that are not empty, separated by dots, with no white space or control characters.
enum Subject {
    /// Refuses what would break the protocol line. Wildcards are for subscriptions alone.
    static func validate(_ subject: String, allowsWildcards: Bool = false) throws(NATSError) {
        var copy = subject
        let isValid = copy.withUTF8 { bytes -> Bool in
            var previous = UInt8(ascii: ".")
            var wildcard: UInt8 = 0
            for byte in bytes {
                // `>` ends a subject, and a wildcard is a token of its own.
                if wildcard != 0, byte != UInt8(ascii: ".") || wildcard == UInt8(ascii: ">") { return false }
                wildcard = 0
                if byte <= 0x20 || byte == 0x7F { return false }
                if byte == UInt8(ascii: "."), previous == UInt8(ascii: ".") { return false }
                if byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") {
                    guard allowsWildcards, previous == UInt8(ascii: ".") else { return false }
                    wildcard = byte
                }
                previous = byte
            }
            return previous != UInt8(ascii: ".")
        }
        guard isValid else { throw .invalidSubject(subject) }
    }

    /// Refuses a queue group that would break the protocol line.
    static func validate(queueGroup: String?) throws(NATSError) {
        guard let queueGroup else { return }
        guard !queueGroup.isEmpty, queueGroup.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .invalidSubject(queueGroup)
        }
    }
}
