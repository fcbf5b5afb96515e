/// BERT's tokenizer: clean-up, words, greedy longest pieces, special tokens around them.
struct WordPieceTokenizer: Tokenizer {
    let splitter: BertWordSplitter
    let vocabulary: WordPieceVocabulary
    let addedTokens: AddedTokens
    let prefix: [Int32]
    let suffix: [Int32]
    let maxLength: Int

    func tokenize(_ text: String) -> TokenSequence {
        var text = text
        return text.withUTF8 { utf8 in
            var ids = prefix
            ids.reserveCapacity(min(maxLength, prefix.count + utf8.count / 3 + 8))
            // One id more than fits tells that the text is cut; nothing after it can matter.
            let limit = maxLength - suffix.count
            addedTokens.split(utf8) { piece in
                switch piece {
                case .token(let id): ids.append(id)
                case .text(let range):
                    splitter.forEachWord(in: UnsafeBufferPointer(rebasing: utf8[range])) { word in
                        vocabulary.split(word, into: &ids)
                        return ids.count <= limit
                    }
                }
                return ids.count <= limit
            }
            let isTruncated = ids.count > limit
            if isTruncated { ids.removeLast(ids.count - limit) }
            ids.append(contentsOf: suffix)
            return TokenSequence(ids: ids, isTruncated: isTruncated)
        }
    }
}
