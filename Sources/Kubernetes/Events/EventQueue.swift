/// Things that wait to be told, as a value: the first that has happened goes first, and of one object one at a time, so that
/// the writes of an event come in order. ``EventRecorder`` drives it.
package struct EventQueue: Sendable {
    package struct Item: Sendable, Hashable {
        package var occurrence: EventAggregator.Occurrence
        /// When it happened, for people.
        package var time: MicroTime
        /// When it happened, since any fixed moment.
        package var now: Duration

        package init(_ occurrence: EventAggregator.Occurrence, time: MicroTime, now: Duration) {
            self.occurrence = occurrence
            self.time = time
            self.now = now
        }
    }

    /// What an addition costs.
    package enum Addition: Sendable, Hashable {
        case kept
        /// The oldest that waited is left out for it.
        case leavesOut(isFirst: Bool)
    }

    private let capacity: Int
    private var waiting: [Item] = []
    private var busy: Set<ObjectReference> = []
    /// Whether something was left out since nothing waited.
    private var isOverflowing = false

    /// - Parameter capacity: how much waits at most.
    package init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Whether nothing waits.
    package var isEmpty: Bool { waiting.isEmpty }
    /// Whether nothing is being written.
    package var isIdle: Bool { busy.isEmpty }

    /// Something has happened.
    package mutating func add(_ item: Item) -> Addition {
        waiting.append(item)
        guard waiting.count > capacity else { return .kept }
        waiting.removeFirst()
        defer { isOverflowing = true }
        return .leavesOut(isFirst: !isOverflowing)
    }

    /// The oldest of an object of which nothing is being written; its object is busy until ``finish(_:)``.
    ///
    /// - Parameter writers: how many may be busy; nothing more is given to be written then.
    package mutating func take(writers: Int) -> Item? {
        guard busy.count < writers,
            let index = waiting.firstIndex(where: { !busy.contains($0.occurrence.regarding) })
        else { return nil }
        let item = waiting.remove(at: index)
        busy.insert(item.occurrence.regarding)
        if waiting.isEmpty { isOverflowing = false }
        return item
    }

    package mutating func finish(_ item: Item) { busy.remove(item.occurrence.regarding) }
}
