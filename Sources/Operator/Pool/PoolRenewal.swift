/// When a pool is renewed: a value without a clock.
///
/// Three times within its time to live, so that gateways keep it over the loss of two renewals and over the change of the
/// operator's leader (Kubernetes contract 2.4).
package struct PoolRenewal: Sendable, Hashable {
    /// A stamp from further ahead than this is of a clock that is wrong, and says nothing.
    package static let largestSkewSeconds = 5.0

    package let ttlSeconds: Double

    package init(ttlSeconds: Int) { self.ttlSeconds = Double(ttlSeconds) }

    /// The time between two renewals.
    package var intervalSeconds: Double { min(max(ttlSeconds / 3, 5), 300) }

    /// Whether the time has come for a pool that was renewed so long ago: somewhat early, because whoever comes for it
    /// waits for ``waitSeconds(age:jitter:)``.
    package func isDue(ageSeconds age: Double) -> Bool {
        age >= intervalSeconds * 0.8 || age < -Self.largestSkewSeconds
    }

    /// After how long to come again.
    ///
    /// - Parameter jitter: from 0 to 1, how much earlier than the interval: up to a tenth of it.
    package func waitSeconds(ageSeconds age: Double, jitter: Double) -> Double {
        let wait = intervalSeconds * (1 - 0.1 * jitter)
        // What is ahead of this clock was renewed just now.
        return max(1, wait - min(max(age, 0), wait))
    }

    /// How sure it is, after this time without a renewal, that gateways still have the pool.
    package enum Hold: Sendable, Hashable {
        case held
        /// Gateways may be about to end it.
        case uncertain
        case lost
    }

    package func hold(ageSeconds age: Double) -> Hold {
        age >= ttlSeconds ? .lost : age >= ttlSeconds * 0.7 ? .uncertain : .held
    }
}
