/// Reads and compares the token of an `authorization` header.
public enum BearerToken {
    /// The token of a header's value: white space is trimmed and a `Bearer ` prefix of any case removed; without the
    /// prefix the whole value is the token. `nil` for a missing or empty value.
    public static func token(in header: String?) -> String? {
        guard let header else { return nil }
        let value = trim(header.utf8[...])
        guard !value.isEmpty else { return nil }
        let scheme = "bearer "
        let prefix = value.prefix(scheme.utf8.count).map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        guard prefix == Array(scheme.utf8) else { return String(Substring(value)) }
        let token = trim(value.dropFirst(scheme.utf8.count))
        return token.isEmpty ? nil : String(Substring(token))
    }

    /// Whether two tokens are equal, in a time that depends on the length of `given` alone.
    public static func matches(_ given: String, _ expected: String) -> Bool {
        let given = Array(given.utf8)
        let expected = Array(expected.utf8)
        var difference: UInt8 = given.count == expected.count ? 0 : 1
        for index in given.indices {
            // A shorter expected token is compared with itself turn by turn, so that its length does not show.
            let other = expected.isEmpty ? 0 : expected[index % expected.count]
            difference |= given[index] ^ other
        }
        return difference == 0
    }

    /// Whether a token is one of several, without telling which by the time it takes.
    public static func matches(_ given: String, anyOf expected: [String]) -> Bool {
        var found = false
        for token in expected {
            let isEqual = matches(given, token)
            found = found || isEqual
        }
        return found
    }

    private static func trim(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes = bytes.dropFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
        return bytes
    }
}
