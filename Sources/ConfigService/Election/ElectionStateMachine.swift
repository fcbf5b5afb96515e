/// When a replica tries to become the writer, when it renews, and until when it may believe that it is: a value, driven by
/// `WriterCampaign`.
package struct ElectionStateMachine: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is to be done next.
    package enum Action: Sendable, Equatable {
        /// Try to take the key, then report.
        case acquire
        /// Renew the key, then report.
        case renew(term: UInt64)
        /// Nothing until then.
        case wait(until: Instant)
    }

    private enum State: Sendable {
        case following(nextAttempt: Instant)
        case leading(term: UInt64, renewal: Instant, end: Instant)
    }

    private let lease: Duration
    private var state: State

    /// A replica that does not lead and may try at once.
    package init(lease: Duration, now: Instant) {
        self.lease = lease
        state = .following(nextAttempt: now)
    }

    /// The term in which this replica leads; nil where it does not, or cannot be sure any more.
    package func term(at now: Instant) -> UInt64? {
        guard case .leading(let term, _, let end) = state, now < end else { return nil }
        return term
    }

    /// What to do now.
    package mutating func next(at now: Instant) -> Action {
        switch state {
        case .following(let attempt):
            return now < attempt ? .wait(until: attempt) : .acquire
        case .leading(let term, let renewal, let end):
            guard now < end else {
                // It may be another's by now; whoever leads has to win it anew.
                state = .following(nextAttempt: now)
                return .acquire
            }
            return now < renewal ? .wait(until: renewal) : .renew(term: term)
        }
    }

    /// The key is held. It counts from before it was asked for, less a part for clocks that run apart.
    package mutating func held(term: UInt64, askedAt asked: Instant) {
        state = .leading(term: term, renewal: asked + lease / 3, end: asked + lease * 9 / 10)
    }

    /// Somebody else holds the key, or has taken the store.
    package mutating func lost(at now: Instant) {
        state = .following(nextAttempt: now + lease / 5)
    }

    /// The answer never came. Who leads goes on trying until its time is over. Who follows does not know of a holder, so
    /// it asks again soon: at the start the connection is a moment younger than the first attempt.
    package mutating func failed(at now: Instant) {
        switch state {
        case .following: state = .following(nextAttempt: now + min(lease / 5, .milliseconds(500)))
        case .leading(let term, _, let end): state = .leading(term: term, renewal: now + lease / 10, end: end)
        }
    }
}
