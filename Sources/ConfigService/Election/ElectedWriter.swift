import Synchronization

/// The standing of one of several replicas: it may write while it leads, once it has claimed the store.
final class ElectedWriter: WriterStanding {
    private struct State {
        var machine: ElectionStateMachine
        /// The term in which the store was claimed.
        var claimedSince: UInt64?
        /// What kept the election from being held last.
        var problem: String?
    }

    private let state: Mutex<State>

    /// A replica that does not lead yet.
    init(lease: Duration) {
        state = Mutex(State(machine: ElectionStateMachine(lease: lease, now: .now)))
    }

    // Asked anew before each batch of writes: a process that was stopped for long finds its time over.
    var mayWrite: Bool { state.withLock { $0.claimedSince != nil && $0.machine.term(at: .now) != nil } }

    func wasSuperseded() {
        state.withLock { state in
            state.claimedSince = nil
            state.machine.lost(at: .now)
        }
    }

    /// Whether it leads without having claimed the store.
    var mustClaim: Bool { state.withLock { $0.claimedSince == nil && $0.machine.term(at: .now) != nil } }

    /// The term of the key that it holds, if it does.
    var term: UInt64? { state.withLock { $0.machine.term(at: .now) } }

    /// The store was claimed.
    func hasClaimed() {
        state.withLock { $0.claimedSince = $0.machine.term(at: .now) }
    }

    /// Notes what keeps the election from being held; nil where nothing does.
    ///
    /// - Returns: whether that is new.
    @discardableResult
    func hasProblem(_ problem: String?) -> Bool {
        state.withLock { state in
            defer { state.problem = problem }
            return state.problem != problem
        }
    }

    /// Asks or tells the state machine.
    func withMachine<Value: Sendable>(_ body: (inout ElectionStateMachine) -> Value) -> Value {
        state.withLock { state in
            let value = body(&state.machine)
            if state.machine.term(at: .now) == nil { state.claimedSince = nil }
            return value
        }
    }
}
