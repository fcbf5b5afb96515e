/// BERT's tokenizer: clean-up, words, greedy longest pieces, special tokens around them.
struct WordPieceTokenizer: Tokenizer {
    private let splitter: BertWordSplitter
    /// Splits what is normalized already.
    private let plainSplitter = BertWordSplitter(BertNormalizer())
    private let vocabulary: WordPieceVocabulary
    /// Tokens looked for in the text as it came.
    private let verbatimTokens: AddedTokens
    /// Tokens looked for in the normalized text.
    private let normalizedTokens: AddedTokens
    private let prefix: [Int32]
    private let suffix: [Int32]
    private let maxLength: Int

    /// - Parameters:
    ///   - normalizedTokens: added tokens that are normalized themselves and looked for in the normalized text.
    ///   - maxLength: ids of a sequence, `prefix` and `suffix` included.
    init(
        normalizer: BertNormalizer, vocabulary: WordPieceVocabulary, verbatimTokens: [AddedTokens.Token],
        normalizedTokens: [AddedTokens.Token], prefix: [Int32], suffix: [Int32], maxLength: Int
    ) {
        let splitter = BertWordSplitter(normalizer)
        self.splitter = splitter
        self.vocabulary = vocabulary
        self.verbatimTokens = AddedTokens(verbatimTokens)
        self.normalizedTokens = AddedTokens(normalizedTokens) { token in
            Array(token.content.utf8).withUnsafeBufferPointer(splitter.normalized)
        }
        self.prefix = prefix
        self.suffix = suffix
        self.maxLength = maxLength
    }

    /// Turns words into ids until there are more than fit.
    private struct PieceCollector: WordReceiver {
        let vocabulary: WordPieceVocabulary
        var ids: [Int32]
        let limit: Int

        var hasRoom: Bool { ids.count <= limit }

        mutating func receive(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
            vocabulary.split(word, into: &ids)
            return hasRoom
        }
    }

    func tokenize(_ text: String) -> TokenSequence {
        var text = text
        return text.withUTF8 { utf8 in
            var ids = prefix
            ids.reserveCapacity(min(maxLength, prefix.count + utf8.count / 3 + 8))
            // One id more than fits tells that the text is cut; nothing after it can matter.
            let limit = maxLength - suffix.count
            var sink = WordSink(receiver: PieceCollector(vocabulary: vocabulary, ids: ids, limit: limit))
            ids = []
            _ = verbatimTokens.split(utf8) { piece in
                switch piece {
                case .token(let id):
                    sink.receiver.ids.append(id)
                    return sink.receiver.hasRoom
                case .text(let range): return add(UnsafeBufferPointer(rebasing: utf8[range]), to: &sink)
                }
            }
            ids = sink.receiver.ids
            sink.receiver.ids = []
            let isTruncated = ids.count > limit
            if isTruncated { ids.removeLast(ids.count - limit) }
            ids.append(contentsOf: suffix)
            return TokenSequence(ids: ids, isTruncated: isTruncated)
        }
    }

    private func add(_ text: UnsafeBufferPointer<UInt8>, to sink: inout WordSink<PieceCollector>) -> Bool {
        guard !normalizedTokens.isEmpty else { return splitter.split(text, into: &sink) }
        return splitter.normalized(text).withUnsafeBufferPointer { normalized in
            normalizedTokens.split(normalized) { piece in
                switch piece {
                case .token(let id):
                    sink.receiver.ids.append(id)
                    return sink.receiver.hasRoom
                case .text(let range):
                    return plainSplitter.split(UnsafeBufferPointer(rebasing: normalized[range]), into: &sink)
                }
            }
        }
    }
}
