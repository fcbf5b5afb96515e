/// What this worker owes JetStream: every message it fetched and has not settled. A value fed with events; the driver
/// performs the returned actions (worker contract 2.3, 2.9, and the fixes of its section 11: work in progress is
/// announced, and work that never started is given back at once on shutdown).
package struct DeliveryLedger: Sendable {
    /// Identifies one delivery within this process.
    package typealias ID = UInt64

    private enum Phase {
        case waiting
        case running
    }

    private struct Entry {
        var phase: Phase
        var deadline: Double
    }

    /// Seconds after which JetStream redelivers a message nobody settled.
    private let ackWait: Double
    private var entries: [ID: Entry] = [:]
    private var nextID: ID = 0
    package private(set) var isDraining = false

    package init(ackWait: Double) {
        self.ackWait = ackWait
    }

    package var outstanding: Int { entries.count }

    /// A message arrived. Nil while draining: it has to be given back untouched.
    package mutating func received(now: Double) -> ID? {
        guard !isDraining else { return nil }
        nextID += 1
        entries[nextID] = Entry(phase: .waiting, deadline: now + ackWait)
        return nextID
    }

    /// Inference on the message began; it will be finished even during a drain.
    package mutating func started(_ id: ID) {
        entries[id]?.phase = .running
    }

    /// The message was acknowledged, given back or terminated. False if that had already happened, so that nothing is
    /// settled twice.
    package mutating func settled(_ id: ID) -> Bool {
        entries.removeValue(forKey: id) != nil
    }

    /// The messages that must be announced as in progress now, so that their redelivery timer restarts. A third of the
    /// acknowledgement time is left whenever this is called at least every `ackWait / 6` seconds.
    package mutating func inProgress(now: Double) -> [ID] {
        var due: [ID] = []
        for (id, entry) in entries where entry.deadline - now <= ackWait / 2 {
            due.append(id)
        }
        for id in due { entries[id]?.deadline = now + ackWait }
        return due.sorted()
    }

    /// Shutdown began: the returned messages never started and go back to the queue at once.
    package mutating func drain() -> [ID] {
        isDraining = true
        let waiting = entries.filter { $0.value.phase == .waiting }.map(\.key).sorted()
        for id in waiting { entries[id] = nil }
        return waiting
    }
}
