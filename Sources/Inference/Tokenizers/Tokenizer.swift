/// Turns texts into token ids. Implementations are immutable and used from any thread.
public protocol Tokenizer: Sendable {
    /// The ids of `text`, special tokens included, cut to the length the tokenizer was made for.
    func tokenize(_ text: String) -> TokenSequence
}

/// The token ids of one text.
public struct TokenSequence: Sendable, Equatable {
    public var ids: [Int32]
    /// Whether the text was longer than the model takes.
    public var isTruncated: Bool

    public init(ids: [Int32], isTruncated: Bool = false) {
        self.ids = ids
        self.isTruncated = isTruncated
    }
}
