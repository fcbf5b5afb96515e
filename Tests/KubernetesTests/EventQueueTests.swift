import Kubernetes
import Testing

@Suite("Queue of events")
struct EventQueueTests {
    private func item(_ note: String, of object: String) -> EventQueue.Item {
        .init(
            .init(regarding: ObjectReference(kind: "ConfigMap", name: object), reason: "R", action: "A", note: note),
            time: MicroTime(secondsSince1970: 0), now: .zero)
    }

    private func take(_ queue: inout EventQueue, writers: Int = 2) -> String? {
        queue.take(writers: writers)?.occurrence.note
    }

    @Test("the first that has happened goes first, of each object one at a time, and no more at once than are allowed")
    func order() {
        var queue = EventQueue(capacity: 10)
        for (note, object) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "c")] {
            #expect(queue.add(item(note, of: object)) == .kept)
        }
        #expect(take(&queue) == "1")
        #expect(take(&queue) == "3")
        #expect(take(&queue) == nil && !queue.isEmpty)
        #expect(take(&queue, writers: 3) == "4")
        queue.finish(item("3", of: "b"))
        // What is left is of an object of which something is being written.
        #expect(take(&queue, writers: 3) == nil)
        queue.finish(item("1", of: "a"))
        #expect(take(&queue) == "2" && queue.isEmpty && !queue.isIdle)
        queue.finish(item("2", of: "a"))
        queue.finish(item("4", of: "c"))
        #expect(queue.isIdle)
    }

    @Test("too much leaves the oldest out, which is told as new once until nothing waits any more")
    func capacity() {
        var queue = EventQueue(capacity: 2)
        func add(_ note: String) -> EventQueue.Addition { queue.add(item(note, of: "a")) }
        #expect(add("1") == .kept && add("2") == .kept)
        #expect(add("3") == .leavesOut(isFirst: true))
        #expect(add("4") == .leavesOut(isFirst: false))
        for note in ["3", "4"] {
            #expect(take(&queue) == note)
            queue.finish(item(note, of: "a"))
        }
        #expect(add("5") == .kept && add("6") == .kept)
        #expect(add("7") == .leavesOut(isFirst: true))
    }
}
