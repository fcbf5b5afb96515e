/// One text to be encoded and what to do with its vector.
public struct EmbeddingJob: Sendable {
    /// How long the stages of one job took, in seconds.
    public struct Timings: Sendable, Equatable {
        public var tokenization = 0.0
        /// The forward pass of the batch the job ran in.
        public var inference = 0.0
    }

    public enum Failure: Error, Equatable, Sendable {
        /// The pool shut down before the job ran.
        case cancelled
        /// There was no memory for the job, even alone.
        case outOfMemory(OutOfMemory)
    }

    public let model: EmbeddingModel
    public let text: String
    public let options: EmbeddingModel.Options
    /// Called on an inference thread when the job's batch begins.
    public let onStart: @Sendable () -> Void
    /// Called exactly once with the vector, valid during the call only: on an inference thread, or on the thread that
    /// shuts the pool down. It must not block.
    public let completion: @Sendable (Result<UnsafeBufferPointer<Float>, Failure>, Timings) -> Void

    public init(
        model: EmbeddingModel, text: String, options: EmbeddingModel.Options = EmbeddingModel.Options(),
        onStart: @escaping @Sendable () -> Void = {},
        completion: @escaping @Sendable (Result<UnsafeBufferPointer<Float>, Failure>, Timings) -> Void
    ) {
        self.model = model
        self.text = text
        self.options = options
        self.onStart = onStart
        self.completion = completion
    }
}
