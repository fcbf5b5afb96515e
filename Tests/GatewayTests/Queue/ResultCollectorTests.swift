import Gateway
import NIOCore
import TestSupport
import Testing
import Wire

@Suite("Collecting results")
struct ResultCollectorTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000)

    static func newID() -> String {
        var random = SystemRandomNumberGenerator()
        return RequestID.make(milliseconds: 1_700_000_000_000, using: &random)
    }

    static func result(_ id: String, _ item: Int, _ text: String) -> WorkResult {
        WorkResult(
            workItemID: "\(id).\(item)", requestID: id, itemIndex: item, outcome: .success(Array(text.utf8)))
    }

    @Test("results in any order are delivered once, in item order")
    func order() {
        var collector = ResultCollector<String>()
        let id = Self.newID()
        collector.open(id, itemCount: 3, deadline: Self.start, waiter: "caller")
        for index in [2, 0] {
            guard case .incomplete = collector.receive(Self.result(id, index, "\(index)")) else {
                Issue.record("item \(index) is not the last")
                return
            }
        }
        guard case .complete(let waiter, let outcomes) = collector.receive(Self.result(id, 1, "1"))
        else {
            Issue.record("all items are there")
            return
        }
        #expect(waiter == "caller")
        #expect(outcomes == (0..<3).map { Self.result(id, $0, "\($0)") })
        #expect(collector.openRequests == 0)
        #expect(collector.nextDeadline == nil)
    }

    @Test("duplicates, late results, strangers and slots out of range are dropped and counted")
    func dropped() {
        var collector = ResultCollector<String>()
        let id = Self.newID()
        collector.open(id, itemCount: 2, deadline: Self.start, waiter: "caller")
        _ = collector.receive(Self.result(id, 0, "first"))
        func isDropped(_ received: ResultCollector<String>.Received) -> Bool {
            if case .dropped = received { true } else { false }
        }
        #expect(isDropped(collector.receive(Self.result(id, 0, "again"))))
        #expect(isDropped(collector.receive(Self.result(id, 2, "x"))))
        #expect(isDropped(collector.receive(Self.result(id, -1, "x"))))
        #expect(isDropped(collector.receive(Self.result(Self.newID(), 0, "x"))))
        guard case .complete(_, let outcomes) = collector.receive(Self.result(id, 1, "last")) else {
            Issue.record("both items are there")
            return
        }
        #expect(outcomes == [Self.result(id, 0, "first"), Self.result(id, 1, "last")])
        #expect(isDropped(collector.receive(Self.result(id, 1, "late"))))
        #expect(collector.droppedResults == 5)
    }

    @Test("a request of one item is over with its one result, and takes no other for it")
    func single() {
        var collector = ResultCollector<String>()
        let (first, second) = (Self.newID(), Self.newID())
        for id in [first, second] { collector.open(id, itemCount: 1, deadline: Self.start, waiter: id) }
        #expect(collector.missingItems(of: first) == [0])
        for index in [1, -1, Int.max] {
            guard case .dropped = collector.receive(Self.result(first, index, "x")) else {
                Issue.record("there is no item \(index)")
                return
            }
        }
        guard case .complete(let waiter, let results) = collector.receive(Self.result(first, 0, "a")) else {
            Issue.record("the only item is there")
            return
        }
        #expect(waiter == first && results == [Self.result(first, 0, "a")])
        #expect(!collector.isOpen(first) && collector.isOpen(second) && collector.openRequests == 1)
        guard case .dropped = collector.receive(Self.result(first, 0, "a")) else {
            Issue.record("a request is answered once")
            return
        }
        #expect(collector.droppedResults == 4)
        #expect(collector.missingItems(of: first) == [] && collector.remove(second) == second)
    }

    @Test("a request expires whole at its deadline, whatever has arrived")
    func expiry() {
        var collector = ResultCollector<Int>()
        let ids = (0..<3).map { _ in Self.newID() }
        for (index, id) in ids.enumerated() {
            collector.open(id, itemCount: 2, deadline: Self.start + .seconds(Int64(index)), waiter: index)
        }
        _ = collector.receive(Self.result(ids[0], 0, "partial"))
        #expect(collector.nextDeadline == Self.start)
        #expect(collector.expire(at: Self.start - .nanoseconds(1)) == [])
        #expect(collector.expire(at: Self.start) == [0])
        #expect(collector.nextDeadline == Self.start + .seconds(1))
        #expect(collector.expire(at: Self.start + .seconds(5)) == [1, 2])
        #expect(collector.nextDeadline == nil)
    }

    @Test("an abandoned request is forgotten, and so is its deadline")
    func abandoned() {
        var collector = ResultCollector<Int>()
        let ids = (0..<2).map { _ in Self.newID() }
        for (index, id) in ids.enumerated() {
            collector.open(id, itemCount: 1, deadline: Self.start + .seconds(Int64(index)), waiter: index)
        }
        #expect(collector.remove(ids[0]) == 0)
        #expect(collector.remove(ids[0]) == nil)
        #expect(collector.nextDeadline == Self.start + .seconds(1))
        #expect(collector.removeAll() == [1])
        #expect(collector.openRequests == 0)
        #expect(collector.nextDeadline == nil)
    }

    @Test("what is missing of a request is told until it has ended")
    func missing() {
        var collector = ResultCollector<String>()
        let id = Self.newID()
        collector.open(id, itemCount: 4, deadline: Self.start, waiter: "caller")
        _ = collector.receive(Self.result(id, 2, "2"))
        _ = collector.receive(Self.result(id, 0, "0"))
        #expect(collector.missingItems(of: id) == [1, 3])
        var open: [String] = []
        collector.forEachOpen { open.append("\($0) \($1)") }
        #expect(open == ["\(id) caller"])
        _ = collector.remove(id)
        #expect(collector.missingItems(of: id) == [])
    }

    @Test("many concurrent requests never see one another's results")
    func noCrossTalk() {
        var collector = ResultCollector<Int>()
        var random = SeededGenerator(seed: 7)
        let ids = (0..<500).map { _ in Self.newID() }
        var events: [(request: Int, item: Int)] = []
        for (index, id) in ids.enumerated() {
            let count = index % 5 + 1
            collector.open(id, itemCount: count, deadline: Self.start, waiter: index)
            events += (0..<count).flatMap { item in [(index, item), (index, item)] }
        }
        var delivered: Set<Int> = []
        for event in events.shuffled(using: &random) {
            let result = Self.result(ids[event.request], event.item, "\(event.request).\(event.item)")
            guard case .complete(let waiter, let outcomes) = collector.receive(result)
            else { continue }
            #expect(waiter == event.request)
            #expect(outcomes == outcomes.indices.map { Self.result(ids[waiter], $0, "\(waiter).\($0)") })
            #expect(delivered.insert(waiter).inserted)
        }
        #expect(delivered.count == ids.count)
    }
}
