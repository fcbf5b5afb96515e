/// Whether a failed request is sent again, and when: a pure function of what happened.
///
/// Reads are repeated after whatever may pass. Writes are repeated only after 429, with which a server refuses before it
/// does anything; every other failure is the caller's, who knows whether the write still makes sense.
public struct RetryPolicy: Sendable, Hashable {
    /// How often a request is sent again at most.
    public var retries: Int
    /// The longest wait before the first repetition; it doubles with each further one.
    public var base: Duration
    /// The longest wait at all, also where the server asks for a longer one.
    public var cap: Duration

    public init(retries: Int = 5, base: Duration = .seconds(1), cap: Duration = .seconds(30)) {
        self.retries = retries
        self.base = base
        self.cap = cap
    }

    /// The wait before the next attempt; nil where there is to be none.
    ///
    /// - Parameter failures: how many attempts have failed, the last one included.
    package func delay(
        after error: KubernetesError, isRead: Bool, failures: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        guard failures <= retries, error.isRetryable else { return nil }
        if case .credentials = error { return nil }
        guard isRead || error.status?.reason == .tooManyRequests else { return nil }
        let longest = min(cap, base * (1 << min(max(failures - 1, 0), 20)))
        let jittered = longest * Double.random(in: 0...1, using: &generator)
        return error.retryAfter.map { min(cap, $0 + jittered / 10) } ?? jittered
    }
}
