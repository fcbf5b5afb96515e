/// A loaded model as the queue sees it: texts go in, vectors come out later, on a thread of the model's choosing.
package protocol TextEncoding: Sendable {
    /// Dimension of the dense vectors.
    var dimension: Int { get }

    /// Texts accepted and not finished.
    var queueDepth: Int { get }

    /// Accepts a text. `onStart` is called when inference on it begins, `completion` exactly once when it ended; both
    /// on an inference thread, and neither may block.
    ///
    /// - Returns: false where the model has too much waiting; nothing is called then.
    func submit(
        _ text: String, parameters: EncodeParameters, onStart: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<EncodedText, EncodingFailure>) -> Void
    ) -> Bool
}

/// The vector of one text and how long it took.
package struct EncodedText: Sendable, Equatable {
    /// Float32, of the model's dimension.
    package var vector: [Float]
    package var tokenizationMilliseconds: Double
    package var inferenceMilliseconds: Double

    package init(vector: [Float], tokenizationMilliseconds: Double, inferenceMilliseconds: Double) {
        self.vector = vector
        self.tokenizationMilliseconds = tokenizationMilliseconds
        self.inferenceMilliseconds = inferenceMilliseconds
    }
}

/// Why a text got no vector.
package enum EncodingFailure: Error, Equatable, Sendable {
    /// The text or its options cannot be encoded: the caller is told.
    case rejected(String)
    /// The worker stops or the model is unloaded: somebody else should do the work.
    case cancelled
    /// There is no memory for the text at present: somebody, or this worker later, should do the work.
    case outOfMemory
}
