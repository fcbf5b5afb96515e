/// Takes normalized text as it comes. The functions answer false where no more is wanted.
protocol NormalizedTextSink {
    var text: NormalizedText { get set }
    mutating func space(_ character: some Collection<UInt8>) -> Bool
    mutating func punctuation(_ character: some Collection<UInt8>) -> Bool
    mutating func ideograph(_ character: some Collection<UInt8>) -> Bool
}

/// Takes words; false where it wants no more.
protocol WordReceiver {
    mutating func receive(_ word: UnsafeBufferPointer<UInt8>) -> Bool
}

/// Cuts normalized text into words.
struct WordSink<Receiver: WordReceiver>: NormalizedTextSink {
    /// The word being put together.
    var text = NormalizedText()
    var receiver: Receiver

    init(receiver: Receiver) { self.receiver = receiver }

    /// Hands the word over, if there is one.
    mutating func end() -> Bool {
        guard !text.isEmpty else { return true }
        defer { text.removeAll() }
        return text.bytes.withUnsafeBufferPointer { receiver.receive($0) }
    }

    mutating func space(_ character: some Collection<UInt8>) -> Bool { end() }

    mutating func punctuation(_ character: some Collection<UInt8>) -> Bool { alone(character) }

    mutating func ideograph(_ character: some Collection<UInt8>) -> Bool { alone(character) }

    /// Hands the word over and then `character` as a word of its own.
    private mutating func alone(_ character: some Collection<UInt8>) -> Bool {
        guard end() else { return false }
        for byte in character { text.append(byte) }
        return end()
    }
}

/// Keeps normalized text whole.
struct TextSink: NormalizedTextSink {
    var text = NormalizedText()

    mutating func space(_ character: some Collection<UInt8>) -> Bool { append(character) }

    mutating func punctuation(_ character: some Collection<UInt8>) -> Bool { append(character) }

    mutating func ideograph(_ character: some Collection<UInt8>) -> Bool {
        append(CollectionOfOne(0x20)) && append(character) && append(CollectionOfOne(0x20))
    }

    private mutating func append(_ characters: some Collection<UInt8>) -> Bool {
        for byte in characters { text.append(byte) }
        return true
    }
}
