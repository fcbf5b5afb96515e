/// BERT (Devlin et al., 2018): learned positions, post-norm blocks, erf-GELU feed-forward.
///
///     h = LN(word + position + type)
///     h = LN(h + Wo * attention(h)),  h = LN(h + W2 * gelu(W1 * h))   in every layer
struct BertEncoder<E: Engine>: Sendable {
    private struct Layer: Sendable {
        let qkv: E.Linear
        let attentionOutput: E.Linear
        let attentionNorm: E.Norm
        let up: E.Linear
        let down: E.Linear
        let outputNorm: E.Norm
    }

    let configuration: BertConfiguration
    private let words: E.Table
    private let positions: E.Table
    private let types: E.Table
    private let embeddingNorm: E.Norm
    private let layers: [Layer]

    init(_ configuration: BertConfiguration, weights: SafetensorsFile, engine: E) throws {
        self.configuration = configuration
        let hidden = configuration.hiddenSize
        let wide = configuration.intermediateSize
        // Checkpoints of bare encoders have no prefix, those of task models have `bert.`.
        let prefix = weights.contains("bert.embeddings.word_embeddings.weight") ? "bert." : ""
        func table(_ name: String, rows: Int) throws -> E.Table {
            try engine.makeTable(try weights.tensor("\(prefix)embeddings.\(name).weight", shape: [rows, hidden]))
        }
        func part(_ name: String, outputs: Int, inputs: Int, scale: Float = 1) throws -> LinearPart {
            LinearPart(
                weight: try weights.tensor("\(prefix)\(name).weight", shape: [outputs, inputs]),
                bias: try weights.tensor("\(prefix)\(name).bias", shape: [outputs]), scale: scale)
        }
        func norm(_ name: String) throws -> E.Norm {
            try engine.makeNorm(
                gain: try weights.tensor("\(prefix)\(name).weight", shape: [hidden]),
                bias: try weights.tensor("\(prefix)\(name).bias", shape: [hidden]),
                epsilon: configuration.layerNormEpsilon)
        }
        words = try table("word_embeddings", rows: configuration.vocabularySize)
        positions = try table("position_embeddings", rows: configuration.maxPositions)
        types = try table("token_type_embeddings", rows: configuration.typeVocabularySize)
        embeddingNorm = try norm("embeddings.LayerNorm")
        // The softmax scale goes into the query, so that attention needs no extra pass.
        let scale = 1 / Float(configuration.headDimension).squareRoot()
        layers = try (0..<configuration.layers).map { index in
            let layer = "encoder.layer.\(index)"
            return Layer(
                qkv: try engine.makeLinear([
                    try part("\(layer).attention.self.query", outputs: hidden, inputs: hidden, scale: scale),
                    try part("\(layer).attention.self.key", outputs: hidden, inputs: hidden),
                    try part("\(layer).attention.self.value", outputs: hidden, inputs: hidden),
                ]),
                attentionOutput: try engine.makeLinear([
                    try part("\(layer).attention.output.dense", outputs: hidden, inputs: hidden)
                ]),
                attentionNorm: try norm("\(layer).attention.output.LayerNorm"),
                up: try engine.makeLinear([try part("\(layer).intermediate.dense", outputs: wide, inputs: hidden)]),
                down: try engine.makeLinear([try part("\(layer).output.dense", outputs: hidden, inputs: wide)]),
                outputNorm: try norm("\(layer).output.LayerNorm"))
        }
    }

    /// The hidden states of a batch the session has begun: one row of `hiddenSize` a token.
    func forward(_ session: E.Session) -> E.Session.Matrix {
        let hidden = session.makeMatrix(width: configuration.hiddenSize)
        let qkv = session.makeMatrix(width: 3 * configuration.hiddenSize)
        let context = session.makeMatrix(width: configuration.hiddenSize)
        session.embed(words: words, positions: positions, types: types, norm: embeddingNorm, into: hidden)
        for layer in layers {
            session.linear(layer.qkv, hidden, activation: .none, residual: nil, into: qkv)
            session.attention(
                qkv: qkv, heads: configuration.heads, headDimension: configuration.headDimension, into: context)
            session.linear(layer.attentionOutput, context, activation: .none, residual: hidden, into: hidden)
            session.normalize(hidden, with: layer.attentionNorm)
            session.feedForward(
                hidden, up: layer.up, activation: .geluErf, down: layer.down, norm: layer.outputNorm)
        }
        return hidden
    }
}
