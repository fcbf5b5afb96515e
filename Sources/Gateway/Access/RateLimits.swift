import NIOCore
import Synchronization

/// The rates of all named tokens, shared by everything that answers their requests. From any thread.
package final class RateLimits: Sendable {
    private let limiter = Mutex(RateLimiter())

    package init() {}

    /// Lets a request pass, or says why it may not and when to come back.
    package func refusal(of grant: TokenGrant, items: Int, at now: NIODeadline = .now()) -> ErrorAnswer? {
        limiter.withLock { $0.wait(of: grant, items: items, at: now) }.map { .rateLimited(name: grant.name, wait: $0) }
    }
}
