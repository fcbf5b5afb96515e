/// The sending of one file as a state machine: post, try again what may pass, make sure of an evicted replay.
///
/// It does no I/O; ``Push`` performs its actions.
package struct PostConversation {
    /// What to do next.
    package enum Action: Sendable, Equatable {
        /// Send the file, with the same key every time.
        case post
        case wait(Duration)
        /// Ask for the model by its id, to see whether it is stored.
        case readModel
        case finish(Outcome)
    }

    /// How it ended.
    package struct Outcome: Sendable, Equatable {
        /// Whether the model is stored as the file says.
        package var isAccepted: Bool
        /// In one word, for the summary.
        package var summary: String
        /// The status of the last answer, `000` where none came.
        package var status: String
        package var annotations: [Annotation]
    }

    private let file: String
    private let size: Int
    private let maximumAttempts: Int
    private let backoff: Duration
    private var attempts = 0
    private var status = "000"

    /// The longest wait that the service can ask for.
    private static let longestWait: Duration = .seconds(30)

    /// - Parameters:
    ///   - file: relative to the repository's root.
    ///   - size: the file's size in bytes.
    ///   - backoff: the wait before the second attempt; it doubles with each.
    package init(file: String, size: Int, maximumAttempts: Int, backoff: Duration) {
        self.file = file
        self.size = size
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
    }

    /// The beginning, and what follows a wait.
    package mutating func post() -> Action {
        attempts += 1
        return .post
    }

    /// What the answer to a post leads to.
    package mutating func posted(_ answer: ServiceAnswer) -> Action {
        status = answer.statusText
        switch PostVerdict(answer, file: file, size: size) {
        case .created(let warnings):
            return finish("created", accepted: true, warnings.map { Annotation(.warning, $0, file: file) })
        case .unchanged:
            return finish(
                "unchanged", accepted: true,
                [Annotation(.notice, "nothing new: the model is stored already", file: file)])
        case .replayEvicted:
            return .readModel
        case .refused(let annotation):
            return finish("refused", accepted: false, [annotation])
        case .transient(let annotation):
            guard attempts < maximumAttempts else {
                return finish("failed after \(attempts) attempts", accepted: false, [annotation])
            }
            let doubled = backoff * (1 << min(attempts - 1, 10))
            let asked = answer.retryAfterSeconds.map { Duration.seconds(max(0, min($0, 30))) }
            return .wait(min(asked ?? doubled, Self.longestWait))
        }
    }

    /// What the answer to the question for the model leads to.
    package mutating func modelRead(_ answer: ServiceAnswer) -> Action {
        let notice = Annotation(.notice, "this commit was pushed before; its answer is no longer kept", file: file)
        guard answer.status == 200 else {
            return finish(
                "not stored", accepted: false,
                [
                    notice,
                    Annotation(
                        .error, "the model is not stored: asking for it gives \(answer.statusText)", file: file),
                ])
        }
        return finish("unchanged", accepted: true, [notice])
    }

    private func finish(_ summary: String, accepted: Bool, _ annotations: [Annotation]) -> Action {
        .finish(Outcome(isAccepted: accepted, summary: summary, status: status, annotations: annotations))
    }
}
