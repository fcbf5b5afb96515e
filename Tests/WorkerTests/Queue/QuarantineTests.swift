import TestSupport
import Testing
import Worker

@Suite("The quarantine of work that comes again and again")
struct QuarantineTests {
    @Test("one item at a time is begun, each once, and the next when it is settled")
    func oneAtATime() throws {
        var quarantine = Quarantine<String>()
        var generator = SeededGenerator(seed: 1)
        let asked = [("a", 1), ("b", 2), ("c", 3)].map { quarantine.entered($0.0, id: $0.1) }
        #expect(asked == [true, false, false])
        var order: [String] = []
        var next = quarantine.begin(using: &generator)
        while let begun = next {
            order.append(begun.item)
            let second = quarantine.begin(using: &generator)
            #expect(second == nil, "two at a time")
            // Others have nothing to do with it.
            let isMoved = quarantine.settled(9)
            #expect(!isMoved)
            let goesOn = quarantine.settled(begun.id)
            #expect(goesOn == (order.count < 3))
            next = quarantine.begin(using: &generator)
        }
        #expect(order.sorted() == ["a", "b", "c"])
        let isNew = quarantine.entered("d", id: 4)
        #expect(isNew)
    }

    @Test("what waits may be given back; what runs still ends")
    func drained() {
        var quarantine = Quarantine<String>()
        var generator = SeededGenerator(seed: 1)
        _ = quarantine.entered("a", id: 1)
        let begun = quarantine.begin(using: &generator)
        #expect(begun?.item == "a")
        let isBegun = quarantine.entered("b", id: 2)
        #expect(!isBegun)
        quarantine.removeWaiting()
        let goesOn = quarantine.settled(1)
        #expect(!goesOn)
        let nothing = quarantine.begin(using: &generator)
        #expect(nothing == nil)
        let isNew = quarantine.entered("c", id: 3)
        #expect(isNew)
    }

    @Test("any item may be the first, so that none always stands before the same others", arguments: 1...4)
    func anyOrder(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var counts = [Int: Int]()
        for _ in 0..<400 {
            var quarantine = Quarantine<Int>()
            for id in 0..<4 { _ = quarantine.entered(id, id: UInt64(id)) }
            if let first = quarantine.begin(using: &generator) { counts[first.item, default: 0] += 1 }
        }
        // A hundred each, and seven standard deviations.
        #expect(counts.count == 4 && counts.values.allSatisfy { (40...160).contains($0) }, "\(counts)")
    }
}
