/// Keys that are to be worked on. A key is there once however often it is added, and is never worked on twice at a time:
/// what is added meanwhile comes afterwards. A value with the time, since any fixed moment, from outside; ``Controller``
/// drives it.
public struct WorkQueue<Key: Hashable & Sendable>: Sendable {
    /// A key whose turn it is.
    public struct Item: Sendable, Hashable {
        public var key: Key
        public var priority: WorkPriority
        /// Since it was added, or since the end of its delay.
        public var waited: Duration
    }

    /// What to do next.
    public enum Step: Sendable, Hashable {
        /// Work on a key, then tell ``finish(_:_:now:using:)``.
        case process(Item)
        /// Nothing for this time, or until a key is added where there is no time.
        case wait(Duration?)
    }

    /// What became of a key.
    public enum Outcome: Sendable, Hashable {
        /// It may rest.
        case forget
        /// It comes again as the limits have it.
        case again
        /// It comes again after this time.
        case after(Duration)
    }

    /// A key that waits. Its places in the heaps are those of the same sequence; others are stale.
    private struct Entry: Sendable {
        var priority: WorkPriority
        var sequence: UInt64
        /// When its turn comes, in the past or in the future.
        var time: Duration
        var isReady: Bool
    }

    private struct ReadyPlace: Sendable, Comparable {
        var priority: WorkPriority
        var sequence: UInt64
        var key: Key

        static func < (left: ReadyPlace, right: ReadyPlace) -> Bool {
            (right.priority, left.sequence) < (left.priority, right.sequence)
        }

        static func == (left: ReadyPlace, right: ReadyPlace) -> Bool { left.sequence == right.sequence }
    }

    private struct DelayedPlace: Sendable, Comparable {
        var time: Duration
        var sequence: UInt64
        var key: Key

        static func < (left: DelayedPlace, right: DelayedPlace) -> Bool {
            (left.time, left.sequence) < (right.time, right.sequence)
        }

        static func == (left: DelayedPlace, right: DelayedPlace) -> Bool { left.sequence == right.sequence }
    }

    private var limits: WorkQueueLimits<Key>
    private var queued: [Key: Entry] = [:]
    private var ready = Heap<ReadyPlace>()
    private var delayed = Heap<DelayedPlace>()
    private var lastSequence: UInt64 = 0
    /// What is worked on, since when, and what was added meanwhile.
    private var processing: [Key: (since: Duration, again: (priority: WorkPriority, time: Duration)?)] = [:]
    /// Keys whose turn has come.
    public private(set) var depth = 0

    public init(limits: WorkQueueLimits<Key> = WorkQueueLimits()) {
        self.limits = limits
    }

    /// Since when keys are worked on.
    public var processingSince: [Duration] { processing.values.map(\.since) }

    // MARK: Adding

    /// Adds a key. Where it is there already, the higher priority and the earlier time count.
    ///
    /// - Parameter delay: how long it has to wait.
    /// - Returns: whether it was not there.
    @discardableResult
    public mutating func add(
        _ key: Key, priority: WorkPriority = .normal, after delay: Duration = .zero, now: Duration
    ) -> Bool {
        let time = now + max(.zero, delay)
        if let work = processing[key] {
            processing[key]?.again = (
                max(priority, work.again?.priority ?? priority), min(time, work.again?.time ?? time)
            )
            return work.again == nil
        }
        guard let entry = queued[key] else {
            enqueue(key, priority, time: time, now: now)
            return true
        }
        if priority > entry.priority || !entry.isReady && time < entry.time {
            enqueue(key, max(priority, entry.priority), time: min(time, entry.time), now: now)
        }
        return false
    }

    private mutating func enqueue(_ key: Key, _ priority: WorkPriority, time: Duration, now: Duration) {
        lastSequence += 1
        let wasReady = queued[key]?.isReady ?? false
        let isReady = time <= now
        queued[key] = Entry(priority: priority, sequence: lastSequence, time: time, isReady: isReady)
        if isReady {
            ready.insert(ReadyPlace(priority: priority, sequence: lastSequence, key: key))
        } else {
            delayed.insert(DelayedPlace(time: time, sequence: lastSequence, key: key))
        }
        depth += (isReady ? 1 : 0) - (wasReady ? 1 : 0)
    }

    // MARK: Working

    /// What to do now.
    public mutating func next(now: Duration) -> Step {
        let next = promote(now: now)
        while let place = ready.popFirst() {
            guard let entry = queued[place.key], entry.sequence == place.sequence else { continue }
            queued[place.key] = nil
            depth -= 1
            processing[place.key] = (now, nil)
            return .process(Item(key: place.key, priority: entry.priority, waited: max(.zero, now - entry.time)))
        }
        return .wait(next.map { $0 - now })
    }

    /// Moves what has waited for long enough.
    ///
    /// - Returns: when the next delay ends.
    private mutating func promote(now: Duration) -> Duration? {
        while let place = delayed.first {
            let entry = queued[place.key]
            if let entry, entry.sequence == place.sequence {
                guard place.time <= now else { return place.time }
                enqueue(place.key, entry.priority, time: place.time, now: now)
            }
            _ = delayed.popFirst()
        }
        return nil
    }

    /// The work on a key has come to its end.
    public mutating func finish(
        _ item: Item, _ outcome: Outcome, now: Duration, using generator: inout some RandomNumberGenerator
    ) {
        switch outcome {
        case .forget: limits.forget(item.key)
        case .again:
            let delay = limits.delay(of: item.key, now: now, using: &generator)
            add(item.key, priority: item.priority, after: delay, now: now)
        case .after(let delay):
            limits.forget(item.key)
            add(item.key, priority: .low, after: delay, now: now)
        }
        guard let work = processing.removeValue(forKey: item.key), let again = work.again else { return }
        enqueue(item.key, again.priority, time: again.time, now: now)
    }
}
