import DequeModule

/// Which keyed requests ran, and what they were answered: a value, driven by `IdempotencyGate`.
///
/// Only answers of writes that were applied are kept; the least recently used one goes when there are too many.
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
        case finished(digest: [UInt8], Answer, use: UInt64)
    }

    private let capacity: Int
    private var entries: [String: Entry] = [:]
    private var finishedCount = 0
    /// Every use of a finished entry in order; all but an entry's latest are stale.
    private var uses: Deque<(key: String, use: UInt64)> = []
    private var clock: UInt64 = 0

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
        case .finished(let known, let answer, _):
            guard known == digest else { return .mismatch }
            entries[key] = .finished(digest: known, answer, use: touch(key))
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
        entries[key] = .finished(digest: digest, answer, use: touch(key))
        finishedCount += 1
        evict()
        return waiters
    }

    private mutating func touch(_ key: String) -> UInt64 {
        clock += 1
        uses.append((key, clock))
        // Hits alone would let the history grow; forget what is stale once it outweighs the rest.
        if uses.count > 4 * capacity { uses = Deque(uses.filter { isCurrent($0.key, $0.use) || $0.use == clock }) }
        return clock
    }

    private func isCurrent(_ key: String, _ use: UInt64) -> Bool {
        if case .finished(_, _, use) = entries[key] { true } else { false }
    }

    private mutating func evict() {
        while finishedCount > capacity, let oldest = uses.popFirst() {
            guard isCurrent(oldest.key, oldest.use) else { continue }
            entries[oldest.key] = nil
            finishedCount -= 1
        }
    }
}
