/// How long to wait before a write is tried again that met a newer version of its object: ten tries in all, from 100 ms,
/// half as long again each time, at most 5 s, give or take a fifth (gateway contract 7.5).
package struct ConflictBackoff: Sendable {
    package static let attempts = 10
    package static let longest = Duration.seconds(5)

    private var failures = 0
    private var delay = Duration.milliseconds(100)

    package init() {}

    /// The wait after one more conflict; nil when that was the last try.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration? {
        failures += 1
        guard failures < Self.attempts else { return nil }
        defer { delay = min(delay * 1.5, Self.longest) }
        return delay * Double.random(in: 0.8...1.2, using: &generator)
    }
}
