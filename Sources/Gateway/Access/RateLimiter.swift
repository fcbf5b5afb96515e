import NIOCore

/// Token buckets, two for each named token: one of requests, one of items.
///
/// A value-type state machine. A bucket holds a second's worth and fills steadily. A request that is larger than a whole
/// bucket passes when the bucket is full and leaves a debt that later requests wait for: it is slowed down, not shut out.
package struct RateLimiter: Sendable {
    private struct Bucket {
        var level: Double
        var time: NIODeadline

        mutating func fill(rate: Double, at now: NIODeadline) {
            level = min(max(1, rate), level + rate * Double((now - time).nanoseconds) / 1e9)
            time = now
        }

        /// How long until `amount` may pass.
        func wait(for amount: Double, rate: Double) -> TimeAmount {
            let missing = min(amount, max(1, rate)) - level
            return missing <= 1e-9 ? .zero : .nanoseconds(Int64((min(missing / rate, 86_400) * 1e9).rounded()))
        }
    }

    private struct Account {
        var requests: Bucket
        var items: Bucket
    }

    private var accounts: [String: Account] = [:]

    package init() {}

    /// Lets a request pass, or says after what time it is worth trying again. One that does not pass costs nothing.
    package mutating func wait(of grant: TokenGrant, items: Int, at now: NIODeadline) -> TimeAmount? {
        guard grant.requestsPerSecond != nil || grant.itemsPerSecond != nil else { return nil }
        var account =
            accounts[grant.name]
            ?? Account(
                requests: Bucket(level: max(1, grant.requestsPerSecond ?? 1), time: now),
                items: Bucket(level: max(1, grant.itemsPerSecond ?? 1), time: now))
        var wait = TimeAmount.zero
        if let rate = grant.requestsPerSecond {
            account.requests.fill(rate: rate, at: now)
            wait = account.requests.wait(for: 1, rate: rate)
        }
        if let rate = grant.itemsPerSecond {
            account.items.fill(rate: rate, at: now)
            wait = max(wait, account.items.wait(for: Double(items), rate: rate))
        }
        if wait == .zero {
            account.requests.level -= 1
            account.items.level -= Double(items)
        }
        accounts[grant.name] = account
        return wait == .zero ? nil : wait
    }
}
