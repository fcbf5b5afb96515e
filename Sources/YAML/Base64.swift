import FoundationEssentials

/// Base64 as `!!binary` writes it.
enum Base64 {
    static func text(of bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// The bytes of a text that may be broken into lines; nil where it is no base64.
    static func bytes(of text: String) -> [UInt8]? {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return Data(base64Encoded: text, options: .ignoreUnknownCharacters).map(Array.init)
    }
}
