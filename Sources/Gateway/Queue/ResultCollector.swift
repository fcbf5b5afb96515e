import DequeModule
import NIOCore
import Wire

/// Gathers the per-item results of requests in flight.
///
/// A value-type state machine: it is fed events (a request opened, a result arrived, time passed, the broker went
/// away) and says what to do. Its owner holds one per event loop and performs the answers; `Waiter` is whatever the
/// owner needs for that.
///
/// Every opened request leaves exactly once: completed, failed, expired or abandoned. What arrives after that, or for
/// a slot already filled (JetStream may deliver a work item twice), is dropped and counted; it can never reach
/// another request, because a request id is never reused.
package struct ResultCollector<Waiter> {
    package enum Received {
        /// More items are missing.
        case incomplete
        /// All items are there, in item order.
        case complete(Waiter, [WorkResult])
        /// Nobody waits for it: unknown or finished request, slot out of range, or slot already filled.
        case dropped
    }

    private struct Request {
        var waiter: Waiter
        var itemCount: Int
        var missing: Int
        /// Empty where there is only one item: its result is handed over at once.
        var slots: [WorkResult?]
    }

    /// A request id. All ids in the table are this gateway's own, and their last digits are random: those alone are
    /// hashed, since a request is looked up several times.
    private struct Key: Hashable {
        var id: String

        init(_ id: String) { self.id = id }

        func hash(into hasher: inout Hasher) {
            var id = id
            hasher.combine(
                id.withUTF8 { utf8 in
                    utf8.count < 8
                        ? UInt64(utf8.count)
                        : UnsafeRawBufferPointer(utf8).loadUnaligned(fromByteOffset: utf8.count - 8, as: UInt64.self)
                })
        }
    }

    private struct Deadline {
        var time: NIODeadline
        var id: Key
    }

    private var requests: [Key: Request] = [:]
    /// Deadlines in the order of opening. All requests wait equally long, so this is also the order of expiry.
    private var deadlines: Deque<Deadline> = []

    /// Results that found nobody waiting.
    package private(set) var droppedResults = 0

    package init() {}

    package var openRequests: Int { requests.count }

    /// When `expire(at:)` has something to do next; nil when nothing is open.
    package var nextDeadline: NIODeadline? { deadlines.first?.time }

    package mutating func open(_ id: String, itemCount: Int, deadline: NIODeadline, waiter: Waiter) {
        precondition(itemCount > 0, "a request without items has nothing to wait for")
        precondition(
            deadlines.last.map { $0.time <= deadline } ?? true, "requests expire in the order they were opened")
        let key = Key(id)
        requests[key] = Request(
            waiter: waiter, itemCount: itemCount, missing: itemCount,
            slots: itemCount == 1 ? [] : Array(repeating: nil, count: itemCount))
        deadlines.append(Deadline(time: deadline, id: key))
    }

    package mutating func receive(_ result: WorkResult) -> Received {
        let item = result.itemIndex
        guard let entry = requests.index(forKey: Key(result.requestID)) else {
            droppedResults += 1
            return .dropped
        }
        if requests.values[entry].itemCount == 1, item == 0 {
            let request = requests.remove(at: entry).value
            forgetFinishedDeadlines()
            return .complete(request.waiter, [result])
        }
        guard requests.values[entry].slots.indices.contains(item), requests.values[entry].slots[item] == nil else {
            droppedResults += 1
            return .dropped
        }
        requests.values[entry].slots[item] = result
        requests.values[entry].missing -= 1
        guard requests.values[entry].missing == 0 else { return .incomplete }
        let request = requests.remove(at: entry).value
        forgetFinishedDeadlines()
        return .complete(request.waiter, request.slots.compactMap(\.self))
    }

    /// Ends a request early: its caller hung up, or its work was refused. Nil when it has already ended.
    package mutating func remove(_ id: String) -> Waiter? {
        guard let request = requests.removeValue(forKey: Key(id)) else { return nil }
        forgetFinishedDeadlines()
        return request.waiter
    }

    /// Calls `body` with the waiter of an open request, which stays open.
    package func withWaiter(of id: String, _ body: (Waiter) -> Void) {
        if let entry = requests.index(forKey: Key(id)) { body(requests.values[entry].waiter) }
    }

    /// Calls `body` with the id and the waiter of every open request.
    package func forEachOpen(_ body: (String, Waiter) -> Void) {
        for (key, request) in requests { body(key.id, request.waiter) }
    }

    /// The items of an open request that have no result yet, in order.
    package func missingItems(of id: String) -> [Int] {
        requests[Key(id)].map { request in
            request.itemCount == 1 ? [0] : request.slots.indices.filter { request.slots[$0] == nil }
        } ?? []
    }

    package func isOpen(_ id: String) -> Bool { requests.index(forKey: Key(id)) != nil }

    /// Ends every request whose deadline has passed. Partial results are discarded: an answer is whole or an error.
    package mutating func expire(at now: NIODeadline) -> [Waiter] {
        var expired: [Waiter] = []
        while let first = deadlines.first, first.time <= now {
            deadlines.removeFirst()
            if let request = requests.removeValue(forKey: first.id) { expired.append(request.waiter) }
        }
        forgetFinishedDeadlines()
        return expired
    }

    /// Ends everything: the subscription that would bring the results is gone.
    package mutating func removeAll() -> [Waiter] {
        defer {
            requests.removeAll(keepingCapacity: true)
            deadlines.removeAll(keepingCapacity: true)
        }
        return requests.values.map(\.waiter)
    }

    private mutating func forgetFinishedDeadlines() {
        // An index, where the value would be copied to be compared with nil.
        while let first = deadlines.first, requests.index(forKey: first.id) == nil { deadlines.removeFirst() }
    }
}
