/// When to try the first bootstrap again, and when its absence is worth an alarm.
package struct BootstrapSchedule: Equatable, Sendable {
    package static let initialDelay: Duration = .seconds(1)
    package static let maximumDelay: Duration = .seconds(60)
    /// Either of these makes the gateway say that it is degraded.
    package static let degradedAfterAttempts = 10
    package static let degradedAfter: Duration = .seconds(300)

    package private(set) var failures = 0
    private var elapsed: Duration = .zero

    package init() {}

    /// Notes a failure, `elapsed` after the first attempt; returns the time to wait before the next one.
    package mutating func failed(elapsed: Duration) -> Duration {
        failures += 1
        self.elapsed = elapsed
        // 2^6 s is already past the maximum.
        return min(Self.initialDelay * (1 << min(failures - 1, 6)), Self.maximumDelay)
    }

    package var isDegraded: Bool { failures >= Self.degradedAfterAttempts || elapsed >= Self.degradedAfter }
}
