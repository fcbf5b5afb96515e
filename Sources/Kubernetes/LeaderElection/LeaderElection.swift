/// Who of several may write: the conversation of one contender with a Lease, as a value that is told what happened and
/// says what to do; ``LeaderElector`` does it.
///
/// Clocks of different machines are never compared. A contender measures, by its own clock, for how long the lease has not
/// changed; a leader, for how long it has not been able to renew it.
public struct LeaderElection: Sendable {
    public struct Timing: Sendable, Hashable {
        /// For how long a lease must not have changed before somebody else may take it.
        public var leaseDuration: Duration
        /// After how long without a renewal a leader gives up. Shorter than the lease, by the time that writers need to
        /// stop.
        public var renewDeadline: Duration
        /// The longest wait between two attempts.
        public var retryPeriod: Duration
        /// Waits are spread from the retry period's part by this factor up to the whole of it.
        public var jitterFactor: Double

        public init(
            leaseDuration: Duration = .seconds(15), renewDeadline: Duration = .seconds(10),
            retryPeriod: Duration = .seconds(2), jitterFactor: Double = 1.2
        ) {
            self.leaseDuration = leaseDuration
            self.renewDeadline = renewDeadline
            self.retryPeriod = retryPeriod
            self.jitterFactor = jitterFactor
        }
    }

    /// What to do next.
    public enum Action: Sendable, Hashable {
        /// Read the lease, then tell ``found(_:now:time:using:)``.
        case read
        /// Create the lease.
        case create(Lease.Spec)
        /// Replace the lease where it is still as it was read or written last.
        case update(Lease.Spec)
        /// Wait, then ``proceed(now:time:)``.
        case wait(Duration)
        /// Stop writing: the leadership is lost, and does not come back to this contender.
        case resign(Loss)
    }

    /// Why a leader is none any more.
    public enum Loss: Error, Sendable, Hashable {
        case notRenewed(within: Duration)
        case takenBy(String)
    }

    /// Why an attempt failed, as far as it matters here.
    public enum Failure: Sendable, Hashable {
        /// The lease has changed since, has come or has gone.
        case conflict
        case other
    }

    public let identity: String
    private let timing: Timing
    /// The lease as it is known, and since when it has not changed.
    private var known: (spec: Lease.Spec, since: Duration)?
    /// Whether the lease is as it is known, for all that is known.
    private var isCurrent = false
    /// When the attempt began that goes on.
    private var attempt = Duration.zero
    /// When the last attempt began that made or kept this contender the leader.
    private var renewed: Duration?
    /// Whether this contender has led and lost.
    public private(set) var isLost = false
    /// How often a leader could not renew without reading first.
    public private(set) var slowRenewals = 0

    /// - Parameter identity: this contender's alone, never used again.
    public init(identity: String, timing: Timing = Timing()) {
        self.identity = identity
        self.timing = timing
    }

    public var isLeader: Bool { renewed != nil }

    /// Who holds the lease, as far as this contender knows.
    public var holder: String? { known?.spec.holderIdentity.flatMap { $0.isEmpty ? nil : $0 } }

    /// When a leader has to give up, unless it renews before.
    public var deadline: Duration? { renewed.map { $0 + timing.renewDeadline } }

    // MARK: Events

    /// The first thing to do, and the next one after a wait.
    ///
    /// - Parameters:
    ///   - now: the time since any fixed moment.
    ///   - time: what the lease says, for people.
    public mutating func proceed(now: Duration, time: MicroTime) -> Action {
        attempt = now
        if let loss = overdue(now: now) { return loss }
        guard isLeader else { return .read }
        guard isCurrent, let known else {
            slowRenewals += 1
            return .read
        }
        return .update(renewal(of: known.spec, time))
    }

    /// The lease has been read; nil where there is none.
    public mutating func found(
        _ spec: Lease.Spec?, now: Duration, time: MicroTime, using generator: inout some RandomNumberGenerator
    ) -> Action {
        guard let spec else {
            known = nil
            return .create(fresh(time, transitions: 0))
        }
        if known?.spec != spec { known = (spec, now) }
        isCurrent = true
        guard let holder else { return .update(fresh(time, transitions: (spec.leaseTransitions ?? 0) + 1)) }
        if holder == identity { return .update(renewal(of: spec, time)) }
        if isLeader {
            return resign(.takenBy(holder))
        }
        let rest = (known?.since ?? now) + duration(of: spec) - now
        guard rest > .zero else { return .update(fresh(time, transitions: (spec.leaseTransitions ?? 0) + 1)) }
        return .wait(min(rest, pause(using: &generator)))
    }

    /// The lease has been created or replaced by what was asked for.
    public mutating func wrote(
        _ spec: Lease.Spec, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        known = (spec, now)
        isCurrent = true
        // The lease counts from before it was written, so that nobody can hold it sooner than this one gives up.
        renewed = attempt
        return .wait(pause(using: &generator))
    }

    /// Reading, creating or replacing has failed.
    public mutating func failed(
        _ failure: Failure, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        isCurrent = false
        if let loss = overdue(now: now) { return loss }
        // Whoever leads looks at once what has become of the lease.
        if isLeader, failure == .conflict {
            slowRenewals += 1
            return .read
        }
        let pause = pause(using: &generator)
        return .wait(deadline.map { min(pause, max(.zero, $0 - now)) } ?? pause)
    }

    /// This contender leads no more, of its own will.
    public mutating func retire() { renewed = nil }

    /// A lease that its holder gives up, once all writers have stopped: anybody may take it at once.
    public static func released(_ spec: Lease.Spec, time: MicroTime) -> Lease.Spec {
        Lease.Spec(
            holderIdentity: nil, leaseDurationSeconds: 1, acquireTime: time, renewTime: time,
            leaseTransitions: spec.leaseTransitions)
    }

    // MARK: Internals

    private mutating func overdue(now: Duration) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        return resign(.notRenewed(within: timing.renewDeadline))
    }

    private mutating func resign(_ loss: Loss) -> Action {
        renewed = nil
        isLost = true
        return .resign(loss)
    }

    /// For how long the holder may hold the lease: what it says, and not less than what is usual here.
    private func duration(of spec: Lease.Spec) -> Duration {
        max(timing.leaseDuration, .seconds(max(0, min(spec.leaseDurationSeconds ?? 0, 3600))))
    }

    private func fresh(_ time: MicroTime, transitions: Int) -> Lease.Spec {
        Lease.Spec(
            holderIdentity: identity, leaseDurationSeconds: seconds, acquireTime: time, renewTime: time,
            leaseTransitions: transitions)
    }

    private func renewal(of spec: Lease.Spec, _ time: MicroTime) -> Lease.Spec {
        Lease.Spec(
            holderIdentity: identity, leaseDurationSeconds: seconds, acquireTime: spec.acquireTime ?? time,
            renewTime: time, leaseTransitions: spec.leaseTransitions ?? 0)
    }

    /// Whole seconds, rounded up: the API has no others.
    private var seconds: Int {
        let (seconds, rest) = timing.leaseDuration.components
        return max(1, Int(seconds) + (rest > 0 ? 1 : 0))
    }

    private func pause(using generator: inout some RandomNumberGenerator) -> Duration {
        timing.retryPeriod * Double.random(in: 1 / max(1, timing.jitterFactor)...1, using: &generator)
    }
}

extension LeaderElection.Loss: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notRenewed(let limit): "the leadership is lost: the lease could not be renewed within \(limit)"
        case .takenBy(let holder): "the leadership is lost: \(holder) holds the lease"
        }
    }
}
