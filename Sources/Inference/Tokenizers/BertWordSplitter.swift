/// BERT's normalizer and its split into words in one pass: white space separates, Chinese characters and punctuation
/// stand alone.
package struct BertWordSplitter: Sendable {
    private let table: BertCharacterTable
    private let normalizer: BertNormalizer
    /// For each ASCII character its kind in the high byte and what it becomes in the low one.
    private let ascii: [UInt16]

    private typealias Kind = BertCharacterTable.Kind

    package init(_ normalizer: BertNormalizer) {
        self.normalizer = normalizer
        let table = BertCharacterTable(normalizer)
        self.table = table
        let block = table.block(0)
        ascii = (0..<128).map { character in
            let (kind, bytes) = block.entry(character)
            return UInt16(kind.rawValue) << 8 | UInt16(bytes.first ?? 0)
        }
    }

    /// Hands the words of `text` to `sink`; false where it wants no more.
    func split(_ text: UnsafeBufferPointer<UInt8>, into sink: inout WordSink<some WordReceiver>) -> Bool {
        normalize(text, into: &sink) && sink.end()
    }

    /// The text after the normalizer alone, not split.
    func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var sink = TextSink()
        _ = normalize(text, into: &sink)
        return sink.text.bytes
    }

    /// The words of a text.
    package func words(of text: String) -> [String] {
        var text = text
        return text.withUTF8 { utf8 in
            var sink = WordSink(receiver: WordList())
            _ = split(utf8, into: &sink)
            return sink.receiver.words
        }
    }

    private struct WordList: WordReceiver {
        var words: [String] = []

        mutating func receive(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
            words.append(String(decoding: word, as: UTF8.self))
            return true
        }
    }

    /// False where the sink wanted no more.
    private func normalize(_ text: UnsafeBufferPointer<UInt8>, into sink: inout some NormalizedTextSink) -> Bool {
        var index = 0
        var blockIndex = -1
        var block = table.block(0)
        return ascii.withUnsafeBufferPointer { ascii in
            while index < text.count {
                let byte = text[index]
                if byte < 0x80 {
                    index += 1
                    let entry = ascii[Int(byte)]
                    let character = UInt8(truncatingIfNeeded: entry)
                    switch entry >> 8 {
                    case UInt16(Kind.word.rawValue): sink.text.append(character)
                    case UInt16(Kind.space.rawValue): if !sink.space(CollectionOfOne(character)) { return false }
                    case UInt16(Kind.punctuation.rawValue):
                        if !sink.punctuation(CollectionOfOne(character)) { return false }
                    default: break
                    }
                    continue
                }
                let (value, length) = Self.decode(text, at: index)
                index += length
                if blockIndex != value >> 8 {
                    blockIndex = value >> 8
                    block = table.block(blockIndex)
                }
                let (kind, bytes) = block.entry(value & 0xff)
                switch kind {
                case .word: sink.text.append(bytes)
                case .space: if !sink.space(bytes) { return false }
                case .punctuation: if !sink.punctuation(bytes) { return false }
                case .ideograph: if !sink.ideograph(bytes) { return false }
                case .dropped: break
                case .boundary: sink.text.endRun()
                case .rare: if !addRare(value, to: &sink) { return false }
                }
            }
            return true
        }
    }

    private func addRare(_ value: Int, to sink: inout some NormalizedTextSink) -> Bool {
        guard let scalar = Unicode.Scalar(UInt32(value)) else { return true }
        for part in normalizer.parts(of: scalar) {
            let goesOn: Bool
            switch part {
            case .text(let scalar, combiningClass: 0) where ReferenceUnicode.isPunctuation(scalar):
                goesOn = sink.punctuation(String(scalar).utf8)
            case .text(let scalar, let combiningClass):
                sink.text.append(scalar, combiningClass: combiningClass)
                goesOn = true
            case .space(let scalar): goesOn = sink.space(String(scalar).utf8)
            case .ideograph(let scalar): goesOn = sink.ideograph(String(scalar).utf8)
            case .boundary:
                sink.text.endRun()
                goesOn = true
            }
            if !goesOn { return false }
        }
        return true
    }

    /// The scalar at `index` of valid UTF-8, which is no ASCII, and how many bytes it takes.
    @inline(__always)
    private static func decode(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (Int, Int) {
        let lead = Int(text[index])
        let length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
        var value = lead & (0x7f >> length)
        for offset in 1..<length { value = value << 6 | Int(text[index + offset] & 0x3f) }
        return (value, length)
    }
}
