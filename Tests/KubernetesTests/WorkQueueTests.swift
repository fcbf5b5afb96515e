import Kubernetes
import TestSupport
import Testing

@Suite("Work queue")
struct WorkQueueTests {
    private var generator = SeededGenerator(seed: 11)
    private var queue = WorkQueue<String>(limits: .init(jitter: 0, perSecond: 0))

    private struct NothingToDo: Error {}

    /// The next key, or nil where there is none now.
    private mutating func next(_ now: Duration = .zero) -> WorkQueue<String>.Item? {
        guard case .process(let item) = queue.next(now: now) else { return nil }
        return item
    }

    private mutating func take(_ now: Duration = .zero) throws -> WorkQueue<String>.Item {
        guard let item = next(now) else { throw NothingToDo() }
        return item
    }

    /// Takes the next key and says what became of it.
    private mutating func work(_ outcome: WorkQueue<String>.Outcome, _ now: Duration = .zero) throws {
        let item = try take(now)
        queue.finish(item, outcome, now: now, using: &generator)
    }

    @Test("keys come in the order in which they were added, each once")
    mutating func order() {
        for key in ["a", "b", "a", "c", "b"] { queue.add(key, now: .zero) }
        #expect(queue.depth == 3)
        let keys = [next()?.key, next()?.key, next()?.key]
        #expect(keys == ["a", "b", "c"])
        #expect(queue.next(now: .zero) == .wait(nil))
        #expect(queue.depth == 0)
    }

    @Test("a key that is worked on is not handed out again; what was added meanwhile comes afterwards, once")
    mutating func exclusive() throws {
        queue.add("a", now: .zero)
        let item = try take()
        #expect(queue.add("a", now: .seconds(1)) == true)
        #expect(queue.add("a", now: .seconds(2)) == false)
        #expect(queue.next(now: .seconds(3)) == .wait(nil))
        queue.finish(item, .forget, now: .seconds(4), using: &generator)
        let again = try take(.seconds(5))
        #expect(again.key == "a")
        #expect(again.waited == .seconds(4))
        queue.finish(again, .forget, now: .seconds(5), using: &generator)
        #expect(queue.next(now: .seconds(6)) == .wait(nil))
    }

    @Test("what somebody changed comes before what only is there, and raises a key that waits already")
    mutating func priorities() {
        for key in ["a", "b", "c"] { queue.add(key, priority: .low, now: .zero) }
        queue.add("x", now: .zero)
        queue.add("c", now: .zero)
        queue.add("x", priority: .low, now: .zero)
        let keys = (0..<5).map { _ in next()?.key }
        #expect(keys == ["x", "c", "a", "b", nil])
    }

    @Test("failures wait twice as long each time, up to the cap; success makes the waits short again")
    mutating func backoff() throws {
        queue.add("a", now: .zero)
        var now = Duration.zero
        for round in 0..<30 {
            let item = try take(now)
            queue.finish(item, .again, now: now, using: &generator)
            let expected = min(Duration.seconds(300), .milliseconds(5) * (1 << round))
            #expect(queue.next(now: now) == .wait(expected))
            now += expected
        }
        try work(.forget, now)
        queue.add("a", now: now)
        try work(.again, now)
        #expect(queue.next(now: now) == .wait(.milliseconds(5)))
    }

    @Test("waits are spread by a fifth to both sides")
    mutating func jitter() {
        var limits = WorkQueueLimits<Int>(perSecond: 0)
        let waits = (0..<500).map { limits.delay(of: $0, now: .zero, using: &generator) / .milliseconds(5) }
        #expect(waits.allSatisfy { (0.8...1.2).contains($0) })
        #expect(waits.contains { $0 < 0.85 } && waits.contains { $0 > 1.15 })
    }

    @Test("all keys together come again ten times a second, after a hundred at once")
    mutating func bucket() {
        var limits = WorkQueueLimits<Int>(jitter: 0)
        for key in 0..<100 { #expect(limits.delay(of: key, now: .zero, using: &generator) == .milliseconds(5)) }
        #expect(limits.delay(of: 100, now: .zero, using: &generator) == .milliseconds(100))
        #expect(limits.delay(of: 101, now: .zero, using: &generator) == .milliseconds(200))
        #expect(limits.repetitions(of: 101) == 1)
    }

    @Test("a wish to come again later is kept to exactly, passes the limits, and gives way to a change")
    mutating func after() throws {
        queue.add("a", now: .zero)
        try work(.after(.seconds(300)))
        #expect(queue.next(now: .seconds(1)) == .wait(.seconds(299)))
        #expect(queue.add("a", now: .seconds(2)) == false)
        let item = try take(.seconds(2))
        #expect(item.priority == .normal)
        queue.finish(item, .after(.seconds(10)), now: .seconds(2), using: &generator)
        let later = try take(.seconds(12))
        #expect(later.priority == .low)
        #expect(later.waited == .zero)
        // The first delay is over with the change that came before its end.
        queue.finish(later, .forget, now: .seconds(13), using: &generator)
        #expect(queue.next(now: .seconds(400)) == .wait(nil))
    }

    @Test("of two delays of a key the shorter one counts, also while the key is worked on")
    mutating func delays() throws {
        queue.add("a", after: .seconds(9), now: .zero)
        queue.add("a", after: .seconds(5), now: .zero)
        queue.add("a", after: .seconds(7), now: .zero)
        #expect(queue.next(now: .zero) == .wait(.seconds(5)))
        let item = try take(.seconds(5))
        queue.add("a", after: .seconds(2), now: .seconds(5))
        queue.finish(item, .after(.seconds(60)), now: .seconds(6), using: &generator)
        #expect(queue.next(now: .seconds(6)) == .wait(.seconds(1)))
    }

    @Test("whatever happens, no key is worked on twice at a time and none that was added is lost", arguments: 0..<20)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var working: [WorkQueue<Int>.Item] = []
        var queue = WorkQueue<Int>(limits: .init(cap: .seconds(3), perSecond: 50, burst: 5))
        var wanted: Set<Int> = []
        var now = Duration.zero
        for _ in 0..<3000 {
            now += .milliseconds(Int.random(in: 0...100, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let key = Int.random(in: 0..<20, using: &generator)
                let delay = Duration.milliseconds(Bool.random(using: &generator) ? 0 : 500)
                queue.add(key, priority: Bool.random(using: &generator) ? .low : .normal, after: delay, now: now)
                wanted.insert(key)
            case 1, 2:
                guard case .process(let item) = queue.next(now: now) else { continue }
                #expect(!working.contains { $0.key == item.key })
                #expect(wanted.remove(item.key) != nil)
                working.append(item)
            default:
                guard let item = working.popLast() else { continue }
                let outcomes: [WorkQueue<Int>.Outcome] = [.forget, .again, .after(.seconds(1))]
                let outcome = outcomes[Int.random(in: 0..<3, using: &generator)]
                if outcome != .forget { wanted.insert(item.key) }
                queue.finish(item, outcome, now: now, using: &generator)
            }
        }
        for item in working { queue.finish(item, .forget, now: now, using: &generator) }
        now += .seconds(60)
        while case .process(let item) = queue.next(now: now) {
            #expect(wanted.remove(item.key) != nil)
            queue.finish(item, .forget, now: now, using: &generator)
        }
        #expect(wanted.isEmpty)
        #expect(queue.depth == 0)
        #expect(queue.processingSince.isEmpty)
    }
}
