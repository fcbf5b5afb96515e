import NIOCore

/// Stops asking a server that cannot be reached: after a row of failures nobody asks for a while, then one tries.
///
/// A value-type state machine.
package struct CircuitBreaker: Sendable, Equatable {
    package static let failuresToOpen = 5
    package static let openFor = TimeAmount.seconds(30)

    private var failures = 0
    private var openUntil: NIODeadline?

    package init() {}

    /// For people.
    package func state(at now: NIODeadline) -> String { remaining(at: now) == nil ? "closed" : "open" }

    /// How long nobody is to ask; nil where one may.
    package func remaining(at now: NIODeadline) -> TimeAmount? {
        openUntil.flatMap { $0 > now ? $0 - now : nil }
    }

    /// The server could not be reached.
    package mutating func failed(at now: NIODeadline) {
        failures += 1
        if failures >= Self.failuresToOpen { openUntil = now + Self.openFor }
    }

    /// The server answered, whatever it said.
    package mutating func answered() {
        failures = 0
        openUntil = nil
    }
}
