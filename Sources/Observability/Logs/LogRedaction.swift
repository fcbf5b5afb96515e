import Crypto

/// The two forms in which a token may appear in a log, neither of which reveals it.
public enum LogRedaction {
    /// The gateway's form: up to four characters become `****`; of longer ones the last four stay and every other
    /// character becomes `*`. A missing token is the empty string.
    public static func lastFour(_ token: String?) -> String {
        guard let token else { return "" }
        guard token.count > 4 else { return "****" }
        return String(repeating: "*", count: token.count - 4) + token.suffix(4)
    }

    /// The config service's form: the first 12 hexadecimal digits of the token's SHA-256. A missing token is `nil`.
    public static func digest(_ token: String?) -> String? {
        guard let token else { return nil }
        let hex: StaticString = "0123456789abcdef"
        var text = ""
        for byte in SHA256.hash(data: Array(token.utf8)).prefix(6) {
            text.unicodeScalars.append(Unicode.Scalar(hex.utf8Start[Int(byte >> 4)]))
            text.unicodeScalars.append(Unicode.Scalar(hex.utf8Start[Int(byte & 15)]))
        }
        return text
    }
}
