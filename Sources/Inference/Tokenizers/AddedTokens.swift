/// Tokens matched in a text as a whole, such as `[SEP]`.
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

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameter spelling: the bytes to look for in place of a token's content; a token without any is never found.
    init(_ tokens: [Token], spelling: (Token) -> [UInt8] = { Array($0.content.utf8) }) {
        entries = tokens.map { Entry(bytes: spelling($0), token: $0) }.filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.count > $1.bytes.count }
        var begins = [Bool](repeating: false, count: 256)
        for entry in entries { begins[Int(entry.bytes[0])] = true }
        self.begins = begins
    }

    /// Splits `text` at the added tokens in it; calls `body` for each stretch in order, until it answers false.
    ///
    /// - Returns: whether `body` never did.
    func split(_ text: UnsafeBufferPointer<UInt8>, _ body: (Piece) -> Bool) -> Bool {
        var start = 0
        var index = 0
        while index < text.count {
            guard begins[Int(text[index])], let entry = match(in: text, at: index) else {
                index += 1
                continue
            }
            var end = index
            index += entry.bytes.count
            // A match inside a word is passed over as a whole: nothing shorter is looked for in it.
            if entry.token.isWholeWord, isWord(before: end, in: text) || isWord(after: index, in: text) { continue }
            if entry.token.stripsLeft { end -= spaces(before: end, in: text, from: start) }
            if end > start, !body(.text(start..<end)) { return false }
            if !body(.token(entry.token.id)) { return false }
            if entry.token.stripsRight { index += spaces(after: index, in: text) }
            start = index
        }
        return start == text.count || body(.text(start..<text.count))
    }

    private func match(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> Entry? {
        entries.first { entry in
            let end = index + entry.bytes.count
            return end <= text.count && text[index..<end].elementsEqual(entry.bytes)
        }
    }

    // MARK: What surrounds a match

    /// Bytes of white space that end at `end`, from `start` on.
    private func spaces(before end: Int, in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = end
        while index > start, let scalar = Self.scalar(before: index, in: text), scalar.properties.isWhitespace {
            index -= UTF8.width(scalar)
        }
        return end - index
    }

    private func spaces(after start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
        var index = start
        while let scalar = Self.scalar(at: index, in: text), scalar.properties.isWhitespace {
            index += UTF8.width(scalar)
        }
        return index - start
    }

    private func isWord(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        Self.scalar(before: end, in: text).map(Self.isWord) ?? false
    }

    private func isWord(after index: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        Self.scalar(at: index, in: text).map(Self.isWord) ?? false
    }

    private static func scalar(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Unicode.Scalar? {
        var start = end - 1
        while start > 0, text[start] & 0xc0 == 0x80 { start -= 1 }
        return scalar(at: start, in: text)
    }

    /// The scalar of valid UTF-8 at `index`; nil outside the text.
    private static func scalar(at index: Int, in text: UnsafeBufferPointer<UInt8>) -> Unicode.Scalar? {
        guard 0..<text.count ~= index else { return nil }
        return String(decoding: text[index..<min(index + 4, text.count)], as: UTF8.self).unicodeScalars.first
    }

    /// What `\w` matches (Unicode Technical Standard 18, annex C).
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        return switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }
}
