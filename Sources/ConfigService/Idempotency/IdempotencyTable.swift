import DequeModule

/// Which keyed requests ran, and what they were answered: a value, driven by `IdempotencyGate`.
///
/// Only answers of writes that were applied are kept; the one not used for longest goes when there are too many.
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
        case running(digest: String, waiters: [Waiter])
        case finished(digest: String, Answer, use: UInt64)
    }

    private let capacity: Int
    private var entries: [String: Entry] = [:]
    /// The finished entries' uses in their order. Only the last use of a key counts; earlier ones are passed over.
    private var uses: Deque<(key: String, use: UInt64)> = []
    private var useCount: UInt64 = 0
    private var finishedCount = 0

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
    package mutating func begin(_ key: String, digest: String, waiter: Waiter) -> Decision {
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
            keep(key, digest: known, answer)
            return .replay(answer)
        }
    }

    /// Ends the run of a key.
    ///
    /// - Parameter answer: what to keep; nil frees the key, because nothing was applied.
    /// - Returns: who waits for the outcome.
    package mutating func finish(_ key: String, keeping answer: Answer?) -> [Waiter] {
        guard case .running(let digest, let waiters) = entries[key] else { return [] }
        entries[key] = nil
        if let answer {
            finishedCount += 1
            keep(key, digest: digest, answer)
        }
        return waiters
    }

    /// Puts in an answer of an earlier process; a request that runs, or an answer that is there, stays.
    package mutating func restore(_ key: String, digest: String, _ answer: Answer) {
        guard entries[key] == nil else { return }
        finishedCount += 1
        keep(key, digest: digest, answer)
    }

    /// Makes an answer the one used last; the one not used for longest goes when there are too many.
    private mutating func keep(_ key: String, digest: String, _ answer: Answer) {
        useCount += 1
        entries[key] = .finished(digest: digest, answer, use: useCount)
        uses.append((key, useCount))
        while finishedCount > capacity || uses.count > 4 * capacity, let oldest = uses.popFirst() {
            guard case .finished(_, _, let use) = entries[oldest.key], use == oldest.use else { continue }
            if finishedCount > capacity {
                entries[oldest.key] = nil
                finishedCount -= 1
            } else {
                // There is room; only the list of uses is too long.
                uses.prepend(oldest)
                compact()
            }
        }
    }

    /// Drops the uses that no longer count.
    private mutating func compact() {
        uses = Deque(
            uses.filter { use in
                if case .finished(_, _, use.use) = entries[use.key] { true } else { false }
            })
    }
}
