import Inference
import Synchronization

/// Dense vectors of texts from one model, computed by the worker's inference threads.
package final class DenseTextEncoder: TextEncoding {
    private let model: EmbeddingModel
    private let pool: InferencePool
    /// Texts this model may have accepted and not finished.
    private let limit: Int
    private let unfinished = Atomic<Int>(0)

    package init(model: EmbeddingModel, pool: InferencePool, limit: Int) {
        self.model = model
        self.pool = pool
        self.limit = limit
    }

    package var dimension: Int { model.dimension }
    package var maxSequenceLength: Int { model.maxSequenceLength }
    package var memoryBytes: Int { model.weightBytes }
    package var queueDepth: Int { unfinished.load(ordering: .relaxed) }

    package func submit(
        _ text: String, parameters: EncodeParameters, onStart: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<EncodedText, EncodingFailure>) -> Void
    ) -> Bool {
        guard unfinished.add(1, ordering: .relaxed).newValue <= limit else {
            unfinished.subtract(1, ordering: .relaxed)
            return false
        }
        let options = EmbeddingModel.Options(
            pooling: parameters.pooling.map(Pooling.init), normalize: parameters.normalize)
        let accepted = pool.submit(
            EmbeddingJob(model: model, text: text, options: options, onStart: onStart) { [self] result, timings in
                unfinished.subtract(1, ordering: .relaxed)
                switch result {
                case .success(let vector):
                    completion(
                        .success(
                            EncodedText(
                                vector: [Float](vector), tokenizationMilliseconds: timings.tokenization * 1000,
                                inferenceMilliseconds: timings.inference * 1000)))
                case .failure(.cancelled): completion(.failure(.cancelled))
                case .failure(.outOfMemory): completion(.failure(.outOfMemory))
                }
            })
        if !accepted { unfinished.subtract(1, ordering: .relaxed) }
        return accepted
    }
}

extension Pooling {
    fileprivate init(_ wish: EncodeParameters.Pooling) {
        switch wish {
        case .cls: self = .cls
        case .mean: self = .mean
        case .last: self = .last
        }
    }
}
