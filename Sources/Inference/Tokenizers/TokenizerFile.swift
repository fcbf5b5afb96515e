import JSONStream

/// A `tokenizer.json` as the `tokenizers` library writes it. Truncation and padding stored in it are ignored: the model's
/// own files decide how long a sequence may be, and batches are not padded.
package struct TokenizerFile {
    private let file: JSONFile

    package init(path: String) throws(CheckpointError) {
        file = try JSONFile(path: path, maximumBytes: JSONFile.maximumVocabularyBytes)
    }

    /// - Parameters:
    ///   - maxLength: ids a sequence may have, special tokens included.
    ///   - vocabularySize: rows of the model's embedding table; no id may reach beyond.
    package func makeTokenizer(maxLength: Int, vocabularySize: Int) throws(CheckpointError) -> any Tokenizer {
        let model = try field("model", in: file.value)
        let type = model["type"]?.stringValue ?? "WordPiece"
        guard type == "WordPiece" else { throw fail("model type '\(type)' is not supported, expected WordPiece") }
        guard let members = model["vocab"]?.objectValue else { throw fail("model has no vocab") }
        var pieces: [(piece: String, id: Int32)] = []
        pieces.reserveCapacity(members.count)
        for member in members {
            pieces.append((member.key, try id(member.value, of: member.key, below: vocabularySize)))
        }
        let unknown = model["unk_token"]?.stringValue ?? "[UNK]"
        guard let unknownID = pieces.first(where: { $0.piece == unknown })?.id else {
            throw fail("unknown token '\(unknown)' is not in the vocabulary")
        }
        let (prefix, suffix) = try template(below: vocabularySize)
        guard maxLength > prefix.count + suffix.count else {
            throw fail("a limit of \(maxLength) tokens leaves no room beside the special ones")
        }
        let (verbatim, normalized) = try addedTokens(below: vocabularySize)
        return WordPieceTokenizer(
            normalizer: try normalizer(),
            vocabulary: WordPieceVocabulary(
                pieces, continuationPrefix: model["continuing_subword_prefix"]?.stringValue ?? "##",
                unknownID: unknownID, maxWordScalars: model["max_input_chars_per_word"]?.intValue ?? 100),
            verbatimTokens: verbatim, normalizedTokens: normalized, prefix: prefix, suffix: suffix,
            maxLength: maxLength)
    }

    private func normalizer() throws(CheckpointError) -> BertNormalizer {
        let settings = try field("normalizer", in: file.value)
        let type = settings["type"]?.stringValue ?? "none"
        guard type == "BertNormalizer" else {
            throw fail("normalizer '\(type)' is not supported, expected BertNormalizer")
        }
        guard file.value["pre_tokenizer"]?["type"]?.stringValue == "BertPreTokenizer" else {
            throw fail("pre_tokenizer is not supported, expected BertPreTokenizer")
        }
        let lowercase = settings["lowercase"]?.boolValue ?? true
        return BertNormalizer(
            cleansText: settings["clean_text"]?.boolValue ?? true,
            separatesChineseCharacters: settings["handle_chinese_chars"]?.boolValue ?? true,
            stripsAccents: settings["strip_accents"]?.boolValue ?? lowercase, lowercases: lowercase)
    }

    /// The added tokens that are looked for in the text as it came, and those looked for in the normalized text.
    private func addedTokens(
        below limit: Int
    ) throws(CheckpointError) -> (verbatim: [AddedTokens.Token], normalized: [AddedTokens.Token]) {
        var verbatim: [AddedTokens.Token] = []
        var normalized: [AddedTokens.Token] = []
        for entry in file.value["added_tokens"]?.arrayValue ?? [] {
            guard let content = entry["content"]?.stringValue, !content.isEmpty, let value = entry["id"] else {
                throw fail("an added token has no content or id")
            }
            let token = AddedTokens.Token(
                content: content, id: try id(value, of: content, below: limit),
                stripsLeft: entry["lstrip"]?.boolValue ?? false, stripsRight: entry["rstrip"]?.boolValue ?? false,
                isWholeWord: entry["single_word"]?.boolValue ?? false)
            let isSpecial = entry["special"]?.boolValue ?? false
            if entry["normalized"]?.boolValue ?? !isSpecial { normalized.append(token) } else { verbatim.append(token) }
        }
        return (verbatim, normalized)
    }

    /// The special ids before and after a single sequence.
    private func template(below limit: Int) throws(CheckpointError) -> (prefix: [Int32], suffix: [Int32]) {
        let processor = try field("post_processor", in: file.value)
        switch processor["type"]?.stringValue {
        case "BertProcessing":
            guard let start = processor["cls"]?.arrayValue?.last, let end = processor["sep"]?.arrayValue?.last else {
                throw fail("post_processor names no cls and sep")
            }
            return ([try id(start, of: "cls", below: limit)], [try id(end, of: "sep", below: limit)])
        case "TemplateProcessing":
            var prefix: [Int32] = []
            var suffix: [Int32] = []
            var seenSequence = false
            for step in processor["single"]?.arrayValue ?? [] {
                if step["Sequence"] != nil {
                    seenSequence = true
                } else if let name = step["SpecialToken"]?["id"]?.stringValue {
                    guard let values = processor["special_tokens"]?[name]?["ids"]?.arrayValue, !values.isEmpty else {
                        throw fail("post_processor gives no ids for '\(name)'")
                    }
                    for value in values {
                        let id = try id(value, of: name, below: limit)
                        if seenSequence { suffix.append(id) } else { prefix.append(id) }
                    }
                }
            }
            guard seenSequence else { throw fail("post_processor has no place for the text") }
            return (prefix, suffix)
        case let type:
            throw fail("post_processor '\(type ?? "none")' is not supported")
        }
    }

    private func field(_ name: String, in value: JSONValue) throws(CheckpointError) -> JSONValue {
        guard let field = value[name], field.objectValue != nil else { throw fail("field '\(name)' must be an object") }
        return field
    }

    private func id(_ value: JSONValue, of token: String, below limit: Int) throws(CheckpointError) -> Int32 {
        guard let id = value.intValue, 0..<limit ~= id else {
            throw fail("token '\(token)' has an id outside the model's \(limit) embeddings")
        }
        return Int32(id)
    }

    private func fail(_ reason: String) -> CheckpointError { CheckpointError(file: file.path, reason) }
}
