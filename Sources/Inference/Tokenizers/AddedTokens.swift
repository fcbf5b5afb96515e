/// Tokens matched in the raw text before anything else happens to it, such as `[SEP]`.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        let content: String
        let id: Int32
        /// Swallow white space before, or after, the token.
        let stripsLeft: Bool
        let stripsRight: Bool
        /// Match only where no letter or digit touches it.
        let isWholeWord: Bool
    }

    /// A stretch of the text: plain, or one added token.
    enum Piece {
        case text(Range<Int>)
        case token(Int32)
    }

    private struct Entry: Sendable {
        let bytes: [UInt8]
        let token: Token
    }

    /// Longest first, so that the longest match at a place wins.
    private let entries: [Entry]
    /// For each byte whether an added token begins with it.
    private let begins: [Bool]

    init(_ tokens: [Token]) {
        entries = tokens.map { Entry(bytes: Array($0.content.utf8), token: $0) }
            .sorted { $0.bytes.count > $1.bytes.count }
        var begins = [Bool](repeating: false, count: 256)
        for entry in entries { begins[Int(entry.bytes[0])] = true }
        self.begins = begins
    }

    /// Splits `text` at the added tokens in it; calls `body` for each stretch in order, until it answers false.
    func split(_ text: UnsafeBufferPointer<UInt8>, _ body: (Piece) -> Bool) {
        var start = 0
        var index = 0
        while index < text.count {
            guard begins[Int(text[index])], let entry = match(in: text, at: index) else {
                index += 1
                continue
            }
            var end = index
            if entry.token.stripsLeft { while end > start, Self.isSpace(text[end - 1]) { end -= 1 } }
            if end > start, !body(.text(start..<end)) { return }
            if !body(.token(entry.token.id)) { return }
            index += entry.bytes.count
            if entry.token.stripsRight { while index < text.count, Self.isSpace(text[index]) { index += 1 } }
            start = index
        }
        if start < text.count { _ = body(.text(start..<text.count)) }
    }

    private func match(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> Entry? {
        entries.first { entry in
            let end = index + entry.bytes.count
            guard end <= text.count, text[index..<end].elementsEqual(entry.bytes) else { return false }
            guard entry.token.isWholeWord else { return true }
            return (index == 0 || !Self.isWord(text[index - 1])) && (end == text.count || !Self.isWord(text[end]))
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || 0x09...0x0d ~= byte
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}
