/// The sum of word, position and token type embeddings, layer-normed.
struct TokenEmbeddings<E: Engine>: Sendable {
    private let words: E.Table
    private let positions: E.Table
    private let types: E.Table
    private let norm: E.Norm

    /// - Parameters:
    ///   - tensors: the scope of BERT's `embeddings`.
    ///   - width: of a token's vector.
    init(
        _ tensors: TensorScope, width: Int, vocabularySize: Int, maxPositions: Int, typeVocabularySize: Int,
        normEpsilon: Double, engine: E
    ) throws {
        func table(_ name: String, rows: Int) throws -> E.Table {
            try engine.makeTable(try tensors.scope(name).tensor("weight", shape: [rows, width]))
        }
        words = try table("word_embeddings", rows: vocabularySize)
        positions = try table("position_embeddings", rows: maxPositions)
        types = try table("token_type_embeddings", rows: typeVocabularySize)
        norm = try engine.makeNorm(tensors.scope("LayerNorm"), width: width, epsilon: normEpsilon)
    }

    /// Writes one row a token.
    func forward(_ session: E.Session, into output: E.Session.Matrix) {
        session.embed(words: words, positions: positions, types: types, norm: norm, into: output)
    }
}
