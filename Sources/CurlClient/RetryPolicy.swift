/// How often a failed request is sent again, and how long to wait before: exponential backoff with full jitter. Whether a
/// request may be sent again is for its sender to know.
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
    /// - Parameters:
    ///   - failures: how many attempts have failed, the last one included.
    ///   - retryAfter: what the server asks for; it is kept to, up to the cap.
    public func delay(
        after failures: Int, retryAfter: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        guard failures <= retries else { return nil }
        let longest = min(cap, base * (1 << min(max(failures - 1, 0), 20)))
        let jittered = longest * Double.random(in: 0...1, using: &generator)
        return min(cap, max(retryAfter ?? .zero, jittered))
    }
}
