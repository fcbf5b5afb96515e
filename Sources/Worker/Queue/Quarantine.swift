/// Work items that were delivered again and again. One of them may be what ends the workers that hold it, and all that a
/// worker holds at its end is delivered again: so such items are done one at a time, in random order. Whatever comes
/// before the bad one is answered, which is half of the others on average, each time; soon it is alone.
///
/// A value that is told what comes and goes, and says what to begin.
package struct Quarantine<Item> {
    package typealias ID = DeliveryLedger.ID

    /// The delivery from which an item is suspected: once more may be a worker that was killed or stopped.
    package static var firstDelivery: Int { 3 }

    private var waiting: [(id: ID, item: Item)] = []
    private var running: ID?
    private var willBegin = false

    package init() {}

    /// An item has come.
    ///
    /// - Returns: whether to call ``begin(using:)`` once all is here that came together: what comes first, comes first
    ///   each time.
    package mutating func entered(_ item: Item, id: ID) -> Bool {
        waiting.append((id, item))
        guard running == nil, !willBegin else { return false }
        willBegin = true
        return true
    }

    /// What to do now.
    package mutating func begin(using generator: inout some RandomNumberGenerator) -> (id: ID, item: Item)? {
        willBegin = false
        guard running == nil, let next = waiting.indices.randomElement(using: &generator) else { return nil }
        waiting.swapAt(next, waiting.count - 1)
        let begun = waiting.removeLast()
        running = begun.id
        return begun
    }

    /// A delivery was settled, of whatever kind.
    ///
    /// - Returns: whether to call ``begin(using:)``.
    package mutating func settled(_ id: ID) -> Bool {
        guard id == running else { return false }
        running = nil
        return !waiting.isEmpty
    }

    /// What waits has been given back.
    package mutating func removeWaiting() { waiting = [] }
}
