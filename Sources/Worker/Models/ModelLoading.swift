import Catalog
import Inference

/// Turns a model's configuration into something that encodes. Called on a thread that may block.
package protocol ModelLoading: Sendable {
    func load(_ model: ModelConfig) throws -> DenseTextEncoder
}

/// Loads checkpoints for the CPU engine.
package struct CheckpointLoader: ModelLoading {
    private let locator: CheckpointLocator
    private let pool: InferencePool
    private let engine: CPUEngine
    private let maxWaitingItems: Int

    package init(locator: CheckpointLocator, pool: InferencePool, engine: CPUEngine, maxWaitingItems: Int) {
        self.locator = locator
        self.pool = pool
        self.engine = engine
        self.maxWaitingItems = maxWaitingItems
    }

    package func load(_ model: ModelConfig) throws -> DenseTextEncoder {
        guard model.outputs.contains("dense") else {
            throw CheckpointLocator.Missing(
                description: "model '\(model.id)' has no dense output, all this worker computes")
        }
        let directory = try locator.directory(for: model)
        let loaded = try EmbeddingModel(
            directory: directory, maxSequenceLength: model.maxSequenceLength, engine: engine)
        return DenseTextEncoder(model: loaded, pool: pool, limit: maxWaitingItems)
    }
}
