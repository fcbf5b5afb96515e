@_spi(_Unicode) import Swift

/// BERT's text clean-up and its split into words in one pass: control characters go, white space separates, Chinese
/// characters and punctuation stand alone, accents are stripped and letters lower-cased where the model wants it.
struct BertWordSplitter: Sendable {
    let cleansText: Bool
    let separatesChineseCharacters: Bool
    let stripsAccents: Bool
    let lowercases: Bool

    /// What a character does to the words.
    private enum Kind: UInt8 {
        case word, space, punctuation, dropped
    }

    /// Calls `body` with the UTF-8 of each word, in order, until it answers false.
    func forEachWord(in text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool) {
        var words = WordBuffer()
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte < 0x80 {
                index += 1
                let goesOn =
                    switch asciiKind(byte) {
                    case .word: words.append(lowercases && 0x41...0x5a ~= byte ? byte | 0x20 : byte)
                    case .space: words.end(body)
                    case .punctuation: words.alone(CollectionOfOne(byte), body)
                    case .dropped: true
                    }
                if !goesOn { return }
                continue
            }
            let (scalar, length) = Self.decode(text, at: index)
            index += length
            if !add(scalar, to: &words, body) { return }
        }
        _ = words.end(body)
    }

    private func asciiKind(_ byte: UInt8) -> Kind {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            .word
        case 0x20, 0x09, 0x0a, 0x0d: .space
        // Vertical tab and form feed are control characters to the clean-up, white space without it.
        case 0x0b, 0x0c: cleansText ? .dropped : .space
        case 0..<0x20, 0x7f: cleansText ? .dropped : .word
        default: .punctuation
        }
    }

    /// The steps of the reference in its order, for one scalar: clean-up, Chinese characters, accents, lower case, and
    /// then what of the result stands alone or separates.
    private func add(
        _ scalar: Unicode.Scalar, to words: inout WordBuffer, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        if cleansText {
            switch Self.cleaned(scalar) {
            case .dropped: return true
            case .space: return words.end(body)
            default: break
            }
        }
        if separatesChineseCharacters, Self.isChinese(scalar) { return words.alone(String(scalar).utf8, body) }
        guard stripsAccents else { return addFolded(scalar, to: &words, body) }
        // Decomposing scalar by scalar gives the same letters as decomposing the text, as only the order of marks
        // could differ, and the marks go.
        for part in String(scalar)._nfd where part.properties.generalCategory != .nonspacingMark {
            if !addFolded(part, to: &words, body) { return false }
        }
        return true
    }

    private func addFolded(
        _ scalar: Unicode.Scalar, to words: inout WordBuffer, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        guard lowercases else { return addFinished(scalar, to: &words, body) }
        for part in scalar.properties.lowercaseMapping.unicodeScalars {
            if !addFinished(part, to: &words, body) { return false }
        }
        return true
    }

    private func addFinished(
        _ scalar: Unicode.Scalar, to words: inout WordBuffer, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        if scalar.properties.isWhitespace { return words.end(body) }
        if Self.isPunctuation(scalar) { return words.alone(String(scalar).utf8, body) }
        for byte in String(scalar).utf8 { _ = words.append(byte) }
        return true
    }

    private static func cleaned(_ scalar: Unicode.Scalar) -> Kind {
        if scalar == "\u{fffd}" || scalar.value == 0 { return .dropped }
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: return .dropped
        default: return scalar.properties.isWhitespace ? .space : .word
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar.value {
            case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: return true
            default: return false
            }
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// The blocks of Chinese characters as BERT's authors listed them.
    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    /// The scalar at `index` of valid UTF-8 and how many bytes it takes.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (Unicode.Scalar, Int) {
        let lead = UInt32(text[index])
        let length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
        var value = lead & (0xff >> UInt32(length + 1))
        for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3f) }
        return (Unicode.Scalar(value) ?? "\u{fffd}", length)
    }
}

/// The word being put together.
private struct WordBuffer {
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(64) }

    mutating func append(_ byte: UInt8) -> Bool {
        bytes.append(byte)
        return true
    }

    /// Hands the word over, if there is one.
    mutating func end(_ body: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
        guard !bytes.isEmpty else { return true }
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes.withUnsafeBufferPointer(body)
    }

    /// Hands the word over and then `character` as a word of its own.
    mutating func alone(_ character: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
        guard end(body) else { return false }
        bytes.append(contentsOf: character)
        return end(body)
    }
}
