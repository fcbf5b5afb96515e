/// A limit on how often something happens: so many at once, and so many a second in the long run. A value with the time
/// from outside.
public struct TokenBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: Duration?

    /// - Parameters:
    ///   - perSecond: in the long run; 0 or less for no limit.
    ///   - burst: at once, after some quiet.
    public init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = Double(max(1, burst))
        tokens = self.burst
    }

    /// Takes one token, which the taker may use after the wait that is returned.
    ///
    /// - Parameter now: the time since any fixed moment.
    public mutating func take(now: Duration) -> Duration {
        guard perSecond > 0 else { return .zero }
        if let last { tokens = min(burst, tokens + max(0, (now - last) / .seconds(1)) * perSecond) }
        last = max(last ?? now, now)
        tokens -= 1
        return tokens >= 0 ? .zero : .seconds(-tokens / perSecond)
    }
}
