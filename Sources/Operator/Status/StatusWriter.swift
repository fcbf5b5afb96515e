import Kubernetes

/// Writes a status from what was found, so that kstatus reads it right at every moment: `observedGeneration` comes with the
/// outcome, Reconciling and Stalled are there only while they are true and never both, and an object that is not ready has
/// one of the two. Each kind says by its own writer what its findings mean.
protocol StatusWriter: Sendable {
    associatedtype Status: SIEStatus
    associatedtype Reason: ConditionReason

    /// At first the one that was read: times, and whatever nothing is said of, stay.
    var status: Status { get set }
    /// Of the spec that was looked at.
    var generation: Int? { get }
    /// The annotation that is acted upon by this, if there is one.
    var reconcileRequest: String? { get }
    var time: Timestamp { get }
    /// Whether the status that was read tells an outcome of this generation.
    var hadOutcomeOfGeneration: Bool { get }
    /// After how long what does not come about counts as stalled; the operator goes on.
    var deadlineSeconds: Int64 { get }
}

extension StatusWriter {
    mutating func set(_ type: ConditionType, _ state: Condition.State, _ reason: Reason, _ message: String) {
        status.conditions.set(type, state, reason: reason, message: message, generation: generation, now: time)
    }

    /// Says that the object is ready, and nothing is left to do.
    mutating func become(_ reason: Reason, _ message: String) {
        set(.ready, .true, reason, message)
        status.conditions.remove(.reconciling)
        status.conditions.remove(.stalled)
    }

    /// Says that the object is not ready, and that the operator works on it.
    mutating func refuse(_ reason: Reason, _ message: String) {
        set(.ready, .false, reason, message)
        wait(reason, message)
    }

    /// Says that the operator works on it, or, once that has taken too long, that it is stalled. It goes on either way.
    mutating func wait(_ reason: Reason, _ message: String) {
        let stalled = status.conditions[.stalled]
        let since = status.conditions[.reconciling]?.lastTransitionTime
        let isOverdue =
            hadOutcomeOfGeneration
            && (stalled?.reason == Reason.progressDeadlineExceeded.rawValue
                || since.map { time.secondsSince1970 - $0.secondsSince1970 >= deadlineSeconds } ?? false)
        if isOverdue {
            status.conditions.remove(.reconciling)
            let text = "not ready within \(deadlineSeconds) s, still trying: \(message)"
            set(.stalled, .true, .progressDeadlineExceeded, text)
        } else {
            // The clock starts anew with each generation.
            if !hadOutcomeOfGeneration { status.conditions.remove(.reconciling) }
            status.conditions.remove(.stalled)
            set(.reconciling, .true, reason, message)
        }
    }

    /// Says that only somebody else can help.
    ///
    /// - Parameter ready: why the object is not ready, in the word that `kubectl get` shows; nil for the same word.
    mutating func stall(_ reason: Reason, ready: Reason? = nil, _ message: String) {
        status.conditions.remove(.reconciling)
        set(.ready, .false, ready ?? reason, message)
        set(.stalled, .true, reason, message)
    }

    /// Says that nobody works on the object: Ready is Unknown and not False, for nothing is wrong.
    mutating func leaveAlone() {
        set(.ready, .unknown, .suspended, "the object is suspended")
        status.conditions.remove(.reconciling)
        status.conditions.remove(.stalled)
    }

    /// The status after what is said of it. The outcome and the generation that it is of go together.
    func written(_ body: (inout Self) -> Void) -> Status {
        var writer = self
        body(&writer)
        writer.status.observedGeneration = generation
        if let reconcileRequest { writer.status.lastHandledReconcileAt = reconcileRequest }
        return writer.status
    }
}
