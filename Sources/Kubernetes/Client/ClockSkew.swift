/// How far two clocks are apart, from the times that the other side's answers bear, and whether that is worth a word: a
/// value with the time from outside.
public struct ClockSkew: Sendable {
    public enum Finding: Sendable, Hashable {
        /// The clocks have come to be further apart than the limit: how far ours is ahead.
        case began(seconds: Double)
        /// They agree again.
        case ended
    }

    /// An answer that takes longer says too little about when its time was.
    private static let longestAnswerSeconds = 5.0

    private let limitSeconds: Double
    private var isBeyond = false
    /// How far our clock is ahead, in seconds; nil until it was seen.
    public private(set) var seconds: Double?

    public init(limitSeconds: Double) {
        self.limitSeconds = limitSeconds
    }

    /// An answer has come.
    ///
    /// - Parameters:
    ///   - date: what it says the time is; nil where it does not.
    ///   - asked: our time before the request, in seconds since 1970.
    ///   - answered: our time after the answer.
    /// - Returns: what has come to be so; nil for no change.
    public mutating func seen(_ date: HTTPDate?, asked: Double, answered: Double) -> Finding? {
        guard let date, answered >= asked, answered - asked <= Self.longestAnswerSeconds else { return nil }
        // The other side cuts its time to whole seconds.
        let ahead = (asked + answered) / 2 - (Double(date.secondsSince1970) + 0.5)
        seconds = ahead
        let wasBeyond = isBeyond
        isBeyond = ahead.magnitude > limitSeconds
        if isBeyond == wasBeyond { return nil }
        return isBeyond ? .began(seconds: ahead) : .ended
    }
}
