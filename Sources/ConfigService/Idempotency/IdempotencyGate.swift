import Crypto
import Synchronization

/// Runs a keyed request once, however many ask for it at the same time.
final class IdempotencyGate: Sendable {
    private enum Outcome: Sendable {
        case run
        case answered(Answer)
        case mismatch
    }

    private let table = Mutex(IdempotencyTable<Answer, CheckedContinuation<Outcome, Never>>())

    /// The answer to a request with a key: that of an earlier one with the same bytes, or that of `run`.
    ///
    /// Only successes are kept. Who waits for a run that fails gets its failure, and the key is free again.
    ///
    /// - Parameters:
    ///   - body: the request's bytes, which must be the same for the same key.
    ///   - mismatch: the answer where they are not.
    ///   - run: the work; it must reach its end even if its client has gone.
    func answer(
        key: String, body: some Sequence<UInt8>, mismatch: Answer, run: () async -> Answer
    ) async -> Answer {
        let digest = Array(SHA256.hash(data: Array(body)))
        let outcome = await withCheckedContinuation { continuation in
            switch table.withLock({ $0.begin(key, digest: digest, waiter: continuation) }) {
            case .run: continuation.resume(returning: .run)
            case .replay(let answer): continuation.resume(returning: .answered(answer))
            case .mismatch: continuation.resume(returning: .mismatch)
            case .wait: break
            }
        }
        switch outcome {
        case .answered(let answer):
            return answer
        case .mismatch:
            return mismatch
        case .run:
            let answer = await run()
            let isKept = answer.isSuccess
            for waiter in table.withLock({ $0.finish(key, keeping: isKept ? answer : nil) }) {
                waiter.resume(returning: .answered(answer))
            }
            return answer
        }
    }
}
