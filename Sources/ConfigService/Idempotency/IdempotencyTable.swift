import DequeModule

/// Which keyed requests ran, and what they were answered: a value, driven by `IdempotencyGate`.
///
/// Only answers of writes that were applied are kept; the one stored longest ago goes when there are too many.
package struct IdempotencyTable<Answer: Sendable, Waiter: Sendable>: Sendable {
    /// What becomes of a request with a key.
    package enum Decision: Sendable {
        /// It runs; `finish` must follow.
        case run
        /// The same request was answered before.
        case replay(Answer)
        /// The key belongs to another body.
        case mismatch
        /// The same request runs just now; the waiter gets its answer.
        case wait
    }

    private enum Entry: Sendable {
        case running(digest: [UInt8], waiters: [Waiter])
        case finished(digest: [UInt8], Answer)
    }

    private let capacity: Int
    private var entries: [String: Entry] = [:]
    /// The keys of finished entries in the order in which they were stored.
    private var stored: Deque<String> = []

    /// Creates an empty table.
    ///
    /// - Parameter capacity: the most answers to keep.
    package init(capacity: Int = 1000) {
        self.capacity = capacity
    }

    /// Decides on a request.
    ///
    /// - Parameters:
    ///   - digest: of the body's bytes.
    ///   - waiter: what `finish` returns if the decision is to wait.
    package mutating func begin(_ key: String, digest: [UInt8], waiter: Waiter) -> Decision {
        switch entries[key] {
        case nil:
            entries[key] = .running(digest: digest, waiters: [])
            return .run
        case .running(let known, var waiters):
            guard known == digest else { return .mismatch }
            waiters.append(waiter)
            entries[key] = .running(digest: known, waiters: waiters)
            return .wait
        case .finished(let known, let answer):
            guard known == digest else { return .mismatch }
            return .replay(answer)
        }
    }

    /// Ends the run of a key.
    ///
    /// - Parameter answer: what to keep; nil frees the key, because nothing was applied.
    /// - Returns: who waits for the outcome.
    package mutating func finish(_ key: String, keeping answer: Answer?) -> [Waiter] {
        guard case .running(let digest, let waiters) = entries[key] else { return [] }
        guard let answer else {
            entries[key] = nil
            return waiters
        }
        entries[key] = .finished(digest: digest, answer)
        stored.append(key)
        if stored.count > capacity, let oldest = stored.popFirst() { entries[oldest] = nil }
        return waiters
    }
}
