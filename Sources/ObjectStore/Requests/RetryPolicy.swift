/// How often a request is tried and how long it waits in between: exponential backoff with full jitter.
package struct RetryPolicy: Sendable {
    /// All attempts, the first included.
    package var attempts: Int
    /// The longest wait before the second attempt; it doubles with each further one.
    package var base: Duration
    /// The longest wait at all.
    package var cap: Duration

    package init(attempts: Int = 5, base: Duration = .milliseconds(100), cap: Duration = .seconds(5)) {
        self.attempts = attempts
        self.base = base
        self.cap = cap
    }

    /// The wait after a number of failed attempts.
    ///
    /// - Parameter retryAfter: what the server asks for; it is kept to, up to the cap.
    package func delay(
        after failures: Int, retryAfter: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let longest = min(cap, base * (1 << min(max(failures - 1, 0), 20)))
        let jittered = longest * Double.random(in: 0...1, using: &generator)
        guard let retryAfter else { return jittered }
        return min(cap, max(retryAfter, jittered))
    }
}
