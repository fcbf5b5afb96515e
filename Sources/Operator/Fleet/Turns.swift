import Synchronization

/// Lets so many do something at a time; the others wait in the order in which they came. For work that takes no longer
/// than its own time limit: a wait is not cut short by a cancellation.
package final class Turns: Sendable {
    private struct State: Sendable {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    /// - Parameter count: how many at a time, at least one.
    package init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// Runs `body` when it is the caller's turn.
    package func take<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        await begin()
        defer { end() }
        return try await body()
    }

    private func begin() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free == 0 {
                    state.waiters.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func end() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiters.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.resume()
    }
}
