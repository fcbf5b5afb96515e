import Kubernetes

/// How fast the config service is written to. A value with the time from outside.
///
/// What somebody has just asked for goes fast, so that a thousand new models are there within a minute, for as long as
/// the service answers fast. What only repairs, as after the loss of its store, goes slowly: a service that has just come
/// back has other things to do, and gateways go on with what they know.
package struct WritePace: Sendable {
    private var steady: TokenBucket
    private var bulk: TokenBucket
    /// An answer that takes longer than a write's share of the steady rate says that the service is busy.
    private let fastAnswer: Duration
    private var isFast = true

    /// - Parameters:
    ///   - perSecond: writes in the long run; ten at once.
    ///   - bulkPerSecond: those that somebody has asked for, never fewer than the others; at once what comes in a second.
    package init(perSecond: Double = 5, bulkPerSecond: Double = 50) {
        steady = TokenBucket(perSecond: perSecond, burst: 10)
        let bulkPerSecond = max(perSecond, bulkPerSecond)
        bulk = TokenBucket(perSecond: bulkPerSecond, burst: max(10, Int(min(bulkPerSecond, 1000))))
        fastAnswer = .seconds(1 / perSecond)
    }

    /// Counts a write.
    ///
    /// - Parameters:
    ///   - isRepair: whether it only brings back what the service has lost.
    ///   - now: the time since any fixed moment.
    /// - Returns: how long it has to wait.
    package mutating func take(isRepair: Bool, now: Duration) -> Duration {
        isFast && !isRepair ? bulk.take(now: now) : steady.take(now: now)
    }

    /// A write has come back, or nothing has (`status` nil).
    package mutating func answered(_ status: Int?, after time: Duration) {
        isFast = time <= fastAnswer && status.map { $0 != 429 && $0 < 500 } ?? false
    }
}
