import Synchronization

/// What replicas of the gateway answered at last about each model, so that a change of the fleet costs one request for each
/// model and new replica, and none for replicas that stay.
///
/// Answers about models of one bundle are mostly the same, and are kept once.
package final class ProbeMemory: Sendable {
    private struct Remembered: Sendable {
        var answer: ReplicaReport.Answer
        var time: ContinuousClock.Instant
    }

    private struct State: Sendable {
        /// By models' ids and replicas' ids.
        var answers: [String: [String: Remembered]] = [:]
        var epochs: [String: Int] = [:]
        var shared: Set<ReplicaReport.Answer> = []
    }

    /// For how long an answer stands for what the replica would say: longer than models wait between two looks.
    package static let longestAge = Duration.seconds(400)
    private static let mostShared = 256

    private let state = Mutex(State())

    package init() {}

    /// Replaces what was known about a model; only of replicas that know it, since the others are to be asked again.
    package func remember(
        _ answers: [String: ReplicaReport.Answer], about modelID: String, now: ContinuousClock.Instant = .now
    ) {
        state.withLock { state in
            var all = state.answers[modelID] ?? [:]
            for (replica, answer) in answers {
                guard case .known(let epoch, _) = answer else {
                    all[replica] = nil
                    continue
                }
                if state.shared.count >= Self.mostShared { state.shared = [] }
                all[replica] = Remembered(answer: state.shared.insert(answer).memberAfterInsert, time: now)
                state.epochs[replica] = epoch
            }
            state.answers[modelID] = all
        }
    }

    /// What is known of a model and not too old, by replicas' ids.
    package func answers(
        about modelID: String, now: ContinuousClock.Instant = .now
    ) -> [String: ReplicaReport.Answer] {
        state.withLock { state in
            (state.answers[modelID] ?? [:]).filter { $0.value.time.duration(to: now) < Self.longestAge }
                .mapValues(\.answer)
        }
    }

    /// The config epoch that a replica told at last, about whatever model; nil where it was not asked.
    package func epoch(of replica: String) -> Int? { state.withLock { $0.epochs[replica] } }

    package func forget(modelID: String) { state.withLock { $0.answers[modelID] = nil } }

    /// Forgets all replicas but these.
    package func keep(replicas: Set<String>) {
        state.withLock { state in
            state.epochs = state.epochs.filter { replicas.contains($0.key) }
            for (model, answers) in state.answers where answers.contains(where: { !replicas.contains($0.key) }) {
                state.answers[model] = answers.filter { replicas.contains($0.key) }
            }
        }
    }
}
