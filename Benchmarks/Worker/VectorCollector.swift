import Synchronization

/// Collects the vectors of one batch from the inference threads and resumes who waits when the last one is there.
final class VectorCollector: Sendable {
    private struct State {
        var vectors: [Float]
        var remaining: Int
        var isComplete = true
        var waiter: CheckedContinuation<[Float], Never>?
    }

    private let dimension: Int
    private let state: Mutex<State>

    init(count: Int, dimension: Int) {
        self.dimension = dimension
        state = Mutex(State(vectors: [Float](repeating: 0, count: count * dimension), remaining: count))
    }

    /// Registers who waits; before the first job is submitted.
    func resumeWhenComplete(_ waiter: CheckedContinuation<[Float], Never>) {
        state.withLock { $0.waiter = waiter }
    }

    /// Takes the vector of text `index`; nil where it has none, which makes the outcome an empty array.
    func finish(_ index: Int, vector: UnsafeBufferPointer<Float>?) {
        let outcome: (CheckedContinuation<[Float], Never>, [Float])? = state.withLock { state in
            if let vector, vector.count == dimension {
                state.vectors.replaceSubrange(index * dimension..<(index + 1) * dimension, with: vector)
            } else {
                state.isComplete = false
            }
            state.remaining -= 1
            guard state.remaining == 0, let waiter = state.waiter else { return nil }
            state.waiter = nil
            return (waiter, state.isComplete ? state.vectors : [])
        }
        if let (waiter, vectors) = outcome { waiter.resume(returning: vectors) }
    }
}
