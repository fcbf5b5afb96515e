import FoundationEssentials

/// A loaded text embedding model: a checkpoint directory turned into something that encodes. Immutable, shared by all
/// threads; each thread runs it through a session of its own.
public final class EmbeddingModel: Sendable {
    /// Where a caller's wish differs from what the checkpoint says.
    public struct Options: Sendable, Hashable {
        public var pooling: Pooling?
        public var normalize: Bool?

        public init(pooling: Pooling? = nil, normalize: Bool? = nil) {
            self.pooling = pooling
            self.normalize = normalize
        }
    }

    /// Width of the vectors.
    public let dimension: Int
    /// Tokens a text is cut to, special tokens included.
    public let maxSequenceLength: Int
    /// Bytes of the checkpoint's weights.
    public let weightBytes: Int
    private let encoder: BertEncoder<CPUEngine>
    private let engine: CPUEngine
    private let tokenizer: any Tokenizer
    private let layout: SentenceTransformersLayout

    /// Loads a checkpoint directory in the layout of the Hugging Face hub: `config.json`, `model.safetensors`,
    /// `tokenizer.json` and, where there are, the files of sentence-transformers.
    ///
    /// - Parameters:
    ///   - directory: the checkpoint.
    ///   - maxSequenceLength: a lower limit than the checkpoint's own, or a higher one up to its positions.
    /// - Throws: `CheckpointError` naming the file, and the field or tensor, that cannot be used.
    public init(directory: String, maxSequenceLength: Int? = nil, engine: CPUEngine) throws {
        let config = try JSONFile(path: directory + "/config.json")
        let family = try config.string("model_type", default: "")
        guard family == "bert" else {
            throw CheckpointError(file: config.path, "model_type '\(family)' is not supported, expected bert")
        }
        let configuration = try BertConfiguration(config)
        layout = try SentenceTransformersLayout(directory: directory)
        let limit = maxSequenceLength ?? layout.maxSequenceLength ?? configuration.maxPositions
        self.maxSequenceLength = min(limit, configuration.maxPositions)
        tokenizer = try TokenizerFile(path: directory + "/tokenizer.json")
            .makeTokenizer(maxLength: self.maxSequenceLength, vocabularySize: configuration.vocabularySize)
        let weights = try SafetensorsFile(path: directory + "/model.safetensors")
        weightBytes = weights.mapping.bytes.count
        encoder = try BertEncoder(configuration, weights: weights, engine: engine)
        dimension = configuration.hiddenSize
        self.engine = engine
    }

    /// The tokens of a text, special tokens included, cut to `maxSequenceLength`. From any thread.
    public func tokenize(_ text: String) -> TokenSequence {
        tokenizer.tokenize(text)
    }

    /// A runner for one thread.
    public func makeSession() -> EmbeddingSession {
        makeSession(reusing: nil)
    }

    /// A runner that takes over the memory of another model's where the engine is the same.
    func makeSession(reusing memory: CPUSession?) -> EmbeddingSession {
        if let memory, memory.runs(on: engine) { return EmbeddingSession(model: self, session: memory) }
        return EmbeddingSession(model: self, session: engine.makeSession())
    }

    fileprivate func run(
        _ batch: PackedBatch, options: (Int) -> Options, on session: CPUSession,
        into output: UnsafeMutablePointer<Float>
    ) throws(OutOfMemory) {
        session.begin(batch)
        let hidden = try encoder.forward(session)
        for index in 0..<batch.sequenceCount {
            let wish = options(index)
            session.pool(
                hidden, sequence: index, pooling: wish.pooling ?? layout.pooling,
                normalize: wish.normalize ?? layout.normalizes, into: output + index * dimension)
        }
    }
}

/// Runs one model on one thread, reusing its memory from batch to batch.
public final class EmbeddingSession {
    public let model: EmbeddingModel
    let session: CPUSession

    fileprivate init(model: EmbeddingModel, session: CPUSession) {
        self.model = model
        self.session = session
    }

    /// Encodes a batch of sequences of at least one token each.
    ///
    /// - Parameters:
    ///   - options: the wishes for sequence i.
    ///   - output: room for `sequenceCount * dimension` floats, filled in order of the sequences.
    public func encode(
        _ batch: PackedBatch, options: (Int) -> EmbeddingModel.Options = { _ in EmbeddingModel.Options() },
        into output: UnsafeMutablePointer<Float>
    ) throws(OutOfMemory) {
        guard batch.sequenceCount > 0 else { return }
        try model.run(batch, options: options, on: session, into: output)
    }

    /// The vector of one text.
    public func encode(
        _ text: String, options: EmbeddingModel.Options = EmbeddingModel.Options()
    ) throws(OutOfMemory) -> [Float] {
        var batch = PackedBatch()
        batch.append(model.tokenize(text))
        let vector = try AlignedFloats(count: model.dimension)
        try encode(batch, options: { _ in options }, into: vector.start)
        return Array(UnsafeBufferPointer(start: vector.start, count: vector.count))
    }
}
