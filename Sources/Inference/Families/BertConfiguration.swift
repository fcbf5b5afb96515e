/// The sizes of a BERT encoder, from its `config.json`.
struct BertConfiguration: Equatable, Sendable {
    var hiddenSize: Int
    var layers: Int
    var heads: Int
    var intermediateSize: Int
    var vocabularySize: Int
    var maxPositions: Int
    var typeVocabularySize: Int
    var layerNormEpsilon: Double

    var headDimension: Int { hiddenSize / heads }

    init(_ file: JSONFile) throws(CheckpointError) {
        func fail(_ reason: String) -> CheckpointError { CheckpointError(file: file.path, reason) }
        hiddenSize = try file.int("hidden_size")
        layers = try file.int("num_hidden_layers")
        heads = try file.int("num_attention_heads")
        intermediateSize = try file.int("intermediate_size")
        vocabularySize = try file.int("vocab_size")
        maxPositions = try file.int("max_position_embeddings")
        typeVocabularySize = try file.int("type_vocab_size", default: 2)
        layerNormEpsilon = try file.double("layer_norm_eps", default: 1e-12)
        let sizes = [hiddenSize, layers, heads, intermediateSize, vocabularySize, maxPositions, typeVocabularySize]
        guard sizes.allSatisfy({ 1...100_000_000 ~= $0 }), hiddenSize % heads == 0 else {
            throw fail("sizes must be positive and hidden_size a multiple of num_attention_heads")
        }
        guard layerNormEpsilon > 0, layerNormEpsilon < 1 else { throw fail("layer_norm_eps must lie between 0 and 1") }
        let activation = try file.string("hidden_act", default: "gelu")
        guard activation == "gelu" else { throw fail("hidden_act '\(activation)' is not supported, expected gelu") }
        let positions = try file.string("position_embedding_type", default: "absolute")
        guard positions == "absolute" else {
            throw fail("position_embedding_type '\(positions)' is not supported, expected absolute")
        }
    }
}
