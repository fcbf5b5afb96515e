import HTTPTypes
import Synchronization

/// Runs a keyed request once, however many ask for it at the same time.
final class IdempotencyGate: Sendable {
    private enum Outcome: Sendable {
        case run
        case answered(Answer)
        case mismatch
    }

    private let table = Mutex(
        IdempotencyTable<Answer, CheckedContinuation<Outcome, Never>>(capacity: StoredReply.capacity))

    /// Takes over the answers that a store holds, the oldest first.
    func restore(_ replies: [StoredReply]) {
        table.withLock { table in
            for reply in replies {
                let answer = Answer(
                    status: .init(code: reply.status), contentType: "application/json", body: Array(reply.body.utf8))
                table.restore(reply.key, digest: reply.bodyDigest, answer)
            }
        }
    }

    /// The answer to a request with a key: that of an earlier one with the same bytes, or that of `run`.
    ///
    /// Only successes are kept. Who waits for a run that fails gets its failure, and the key is free again.
    ///
    /// - Parameters:
    ///   - mismatch: the answer where the key was used with other bytes.
    ///   - run: the work; it must reach its end even if its client has gone.
    func answer(_ request: RequestIdentity, mismatch: Answer, run: () async -> Answer) async -> Answer {
        let outcome = await withCheckedContinuation { continuation in
            switch table.withLock({ $0.begin(request.key, digest: request.bodyDigest, waiter: continuation) }) {
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
            for waiter in table.withLock({ $0.finish(request.key, keeping: isKept ? answer : nil) }) {
                waiter.resume(returning: .answered(answer))
            }
            return answer
        }
    }
}
