import Synchronization

/// The demand that is known, for everybody who asks, and for those who want to be told when a group wakes up.
package final class DemandFeed: Sendable {
    private struct Subscriber: Sendable {
        var trigger: ExternalScaler.Trigger
        var told: Bool?
        var tell: @Sendable (Bool) -> Void
    }

    private struct State: Sendable {
        var book = DemandBook()
        var subscribers: [Int: Subscriber] = [:]
        var nextSubscriber = 0
        /// When somebody last asked.
        var askedAt: Double?
    }

    /// How long after a question the next one is expected: KEDA asks every 30 s.
    private static let interestSeconds = 120.0

    private let state = Mutex(State())
    private let clock: @Sendable () -> Double

    /// - Parameter clock: seconds that never go back.
    package init(clock: @escaping @Sendable () -> Double = DemandFeed.monotonicSeconds()) { self.clock = clock }

    /// Seconds since the call.
    package static func monotonicSeconds() -> @Sendable () -> Double {
        let start = ContinuousClock.now
        return {
            let passed = start.duration(to: .now).components
            return Double(passed.seconds) + Double(passed.attoseconds) * 1e-18
        }
    }

    /// Changes what is known, and tells those whose groups woke up or fell asleep.
    package func update(_ change: (inout DemandBook, _ now: Double) -> Void) {
        let now = clock()
        state.withLock { state in
            change(&state.book, now)
            // Within the lock, so that nobody is told of an older state after a newer one: telling only hands over.
            for (id, subscriber) in state.subscribers {
                guard let isActive = Self.isActive(subscriber.trigger, state.book, now), isActive != subscriber.told
                else { continue }
                state.subscribers[id]?.told = isActive
                subscriber.tell(isActive)
            }
        }
    }

    /// What is asked of a group now.
    package func signals(of group: WorkerGroupName) throws(DemandBook.Unknown) -> DemandBook.Signals {
        let now = clock()
        let result = state.withLock { state -> Result<DemandBook.Signals, DemandBook.Unknown> in
            state.askedAt = now
            do throws(DemandBook.Unknown) {
                return .success(try state.book.signals(of: group, now: now))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Whether somebody wants to be told, or has asked of late.
    package var isFollowed: Bool {
        let now = clock()
        return state.withLock { state in
            !state.subscribers.isEmpty || state.askedAt.map { now - $0 <= Self.interestSeconds } ?? false
        }
    }

    /// What is known of all groups, enough to act on or not.
    package var all: [WorkerGroupName: DemandBook.Signals] { state.withLock { $0.book.all } }

    /// The pods of gateway replicas that have not answered of late.
    package var missing: [String] {
        let now = clock()
        return state.withLock { $0.book.missing(now: now) }
    }

    /// Items that wait for a bundle's workers; nil where that is not known.
    package func queuedItems(ofBundle bundle: String) -> Int? {
        let now = clock()
        return state.withLock { $0.book.queuedItems(ofBundle: bundle, now: now) }
    }

    /// Tells whether a group is wanted: now, if that is known, and at every change.
    ///
    /// - Parameter tell: must return at once, and not come back here.
    /// - Returns: what ends it.
    package func subscribe(_ trigger: ExternalScaler.Trigger, tell: @escaping @Sendable (Bool) -> Void) -> Int {
        let now = clock()
        return state.withLock { state in
            state.nextSubscriber += 1
            let told = Self.isActive(trigger, state.book, now)
            state.subscribers[state.nextSubscriber] = Subscriber(trigger: trigger, told: told, tell: tell)
            if let told { tell(told) }
            return state.nextSubscriber
        }
    }

    package func unsubscribe(_ id: Int) { state.withLock { _ = $0.subscribers.removeValue(forKey: id) } }

    /// Nil where it is not known.
    private static func isActive(_ trigger: ExternalScaler.Trigger, _ book: DemandBook, _ now: Double) -> Bool? {
        (try? book.signals(of: trigger.group, now: now)).map { ExternalScaler.isActive(trigger, $0) }
    }
}
