/// The waiting for one model as a state machine: it is fed what the gateway says and when, and answers what to do.
///
/// Times are counted from the model's post by a clock that only goes forward.
package struct ReadinessWatch {
    /// What to do next.
    package enum Action: Sendable, Equatable {
        case look(within: Duration)
        case wait(Duration)
        case finish(Outcome)
    }

    /// How it ended.
    package struct Outcome: Sendable, Equatable {
        package var isReady: Bool
        /// In a few words, for the summary.
        package var summary: String
        package var annotations: [Annotation]
    }

    /// How often a model without bundles is seen before that counts, where the epoch does not tell.
    package static let looksWithoutBundles = 3

    private let model: String
    private let file: String
    private let policy: ReadinessPolicy
    private let writtenEpoch: Int?
    private var readyLooks = 0
    private var looksWithoutBundles = 0

    /// - Parameters:
    ///   - writtenEpoch: the config service's epoch after the post; nil or 0 where it has none to compare with.
    package init(model: String, file: String, policy: ReadinessPolicy, writtenEpoch: Int?) {
        self.model = model
        self.file = file
        self.policy = policy
        self.writtenEpoch = writtenEpoch.flatMap { $0 > 0 ? $0 : nil }
    }

    /// The beginning, and what follows a wait.
    package func look(at elapsed: Duration) -> Action {
        // A look that begins late still gets a second: the last evaluation is always made.
        .look(within: min(policy.callTimeout, max(policy.timeout - elapsed, .seconds(1))))
    }

    /// What a look leads to.
    package mutating func saw(_ snapshot: ReadinessSnapshot, at elapsed: Duration) -> Action {
        switch snapshot {
        case .refused(let status):
            return fail(
                "the gateway refuses the token with \(status): set SIE_AUTH_TOKEN to one of its tokens", "refused")
        case .status(_, true, let epoch, _):
            looksWithoutBundles += 1
            readyLooks = 0
            let hasCaughtUp = writtenEpoch.map { (epoch ?? 0) >= $0 } ?? false
            if hasCaughtUp || looksWithoutBundles >= Self.looksWithoutBundles {
                return fail("no bundle can serve the model '\(model)'", "no bundle")
            }
        case .status(let isAcknowledged, let hasNoBundles, let epoch, _):
            looksWithoutBundles = 0
            let isReady = policy.condition == .acked ? isAcknowledged == true : hasNoBundles == false
            let isBehind = writtenEpoch.map { (epoch ?? 0) < $0 } ?? false
            if isReady, !isBehind || !policy.requiresEpoch {
                readyLooks += 1
                if readyLooks >= policy.consecutive { return ready(epoch: epoch, isBehind: isBehind) }
            } else {
                readyLooks = 0
            }
        case .unknownModel, .unusable:
            looksWithoutBundles = 0
            readyLooks = 0
        }
        let left = policy.timeout - elapsed
        guard left > .zero else {
            return fail(
                "the model '\(model)' is not ready after \(policy.timeout.components.seconds) s; "
                    + "last seen: \(snapshot.text)",
                "not ready in time")
        }
        return .wait(min(policy.interval, left))
    }

    private func ready(epoch: Int?, isBehind: Bool) -> Action {
        var annotations: [Annotation] = []
        if isBehind, let writtenEpoch {
            annotations = [
                Annotation(
                    .warning,
                    "the gateway is at epoch \(epoch ?? 0), the config service at \(writtenEpoch): "
                        + "another replica may be behind",
                    file: file)
            ]
        }
        return .finish(
            Outcome(
                isReady: true, summary: policy.condition == .acked ? "ready" : "routable", annotations: annotations))
    }

    private func fail(_ message: String, _ summary: String) -> Action {
        .finish(
            Outcome(isReady: false, summary: summary, annotations: [Annotation(.error, message, file: file)]))
    }
}
