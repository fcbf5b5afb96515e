/// How long keys wait that come again: growing with each time in a row for a key, and so many a second over all keys. A
/// value with the time from outside.
public struct WorkQueueLimits<Key: Hashable & Sendable>: Sendable {
    private let base: Duration
    private let cap: Duration
    private let jitter: Double
    private var bucket: TokenBucket
    private var failures: [Key: Int] = [:]

    /// - Parameters:
    ///   - base: the first wait of a key; it doubles with each further one.
    ///   - cap: the longest wait.
    ///   - jitter: how far waits are spread to both sides, as a part of them.
    ///   - perSecond: repetitions of all keys in the long run; 0 for no limit.
    ///   - burst: repetitions of all keys at once.
    public init(
        base: Duration = .milliseconds(5), cap: Duration = .seconds(300), jitter: Double = 0.2,
        perSecond: Double = 10, burst: Int = 100
    ) {
        self.base = base
        self.cap = cap
        self.jitter = jitter
        bucket = TokenBucket(perSecond: perSecond, burst: burst)
    }

    /// Counts one more repetition of a key.
    ///
    /// - Parameter now: the time since any fixed moment.
    /// - Returns: how long it has to wait.
    public mutating func delay(
        of key: Key, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let count = failures[key, default: 0]
        failures[key] = count + 1
        let delay = min(cap, base * (1 << min(count, 30)))
        let spread = jitter > 0 ? Double.random(in: -jitter...jitter, using: &generator) : 0
        return max(delay * (1 + spread), bucket.take(now: now))
    }

    /// The next wait of the key is short again.
    public mutating func forget(_ key: Key) { failures[key] = nil }

    /// How often the key has come again in a row.
    public func repetitions(of key: Key) -> Int { failures[key, default: 0] }
}
