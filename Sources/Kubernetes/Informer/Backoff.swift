/// Growing waits between failures, forgotten after a while without any. A value with the time from outside.
public struct Backoff: Sendable, Hashable {
    public var base: Duration
    public var cap: Duration
    /// How much is added to a wait at most, as a part of it.
    public var jitter: Double
    /// How long nothing must fail for the waits to be short again.
    public var reset: Duration
    private var failures = 0
    private var lastFailure: Duration?

    public init(
        base: Duration = .milliseconds(800), cap: Duration = .seconds(30), jitter: Double = 1,
        reset: Duration = .seconds(120)
    ) {
        self.base = base
        self.cap = cap
        self.jitter = jitter
        self.reset = reset
    }

    /// The wait after a failure.
    ///
    /// - Parameter now: the time since any fixed moment.
    public mutating func wait(now: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        if let lastFailure, now - lastFailure > reset { failures = 0 }
        let delay = min(cap, base * (1 << min(failures, 20)))
        failures += 1
        let wait = delay * (1 + (jitter > 0 ? Double.random(in: 0...jitter, using: &generator) : 0))
        // Waiting is no health.
        lastFailure = now + wait
        return wait
    }
}
