/// BERT (Devlin et al., 2018): learned positions, post-norm blocks, erf-GELU feed-forward.
///
///     h = LN(word + position + type), then one block after the other
struct BertEncoder<E: Engine>: Sendable {
    private let width: Int
    private let shape: PostNormBlock<E>.Shape
    private let embeddings: TokenEmbeddings<E>
    private let blocks: [PostNormBlock<E>]

    init(_ configuration: BertConfiguration, weights: SafetensorsFile, engine: E) throws {
        width = configuration.hiddenSize
        let shape = PostNormBlock<E>.Shape(
            width: configuration.hiddenSize, heads: configuration.heads,
            intermediateWidth: configuration.intermediateSize, activation: .geluErf,
            normEpsilon: configuration.layerNormEpsilon)
        self.shape = shape
        // Checkpoints of bare encoders have no prefix, those of task models have `bert.`.
        let root = TensorScope(weights)
        let tensors = root.contains("bert.embeddings.word_embeddings.weight") ? root.scope("bert") : root
        embeddings = try TokenEmbeddings(
            tensors.scope("embeddings"), width: configuration.hiddenSize,
            vocabularySize: configuration.vocabularySize, maxPositions: configuration.maxPositions,
            typeVocabularySize: configuration.typeVocabularySize, normEpsilon: configuration.layerNormEpsilon,
            engine: engine)
        blocks = try (0..<configuration.layers).map { index in
            try PostNormBlock(tensors.scope("encoder.layer.\(index)"), shape: shape, engine: engine)
        }
    }

    /// The hidden states of a batch the session has begun: one row of `hiddenSize` a token.
    func forward(_ session: E.Session) throws(OutOfMemory) -> E.Session.Matrix {
        let hidden = try session.makeMatrix(width: width)
        let scratch = try PostNormBlock<E>.Scratch(shape, session: session)
        embeddings.forward(session, into: hidden)
        for block in blocks { try block.forward(session, hidden, scratch: scratch) }
        return hidden
    }
}
