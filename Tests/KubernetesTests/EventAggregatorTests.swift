import Kubernetes
import TestSupport
import Testing

@Suite("Aggregation of events")
struct EventAggregatorTests {
    private func occurrence(_ note: String = "n", object: String = "o") -> EventAggregator.Occurrence {
        .init(
            regarding: ObjectReference(kind: "ConfigMap", namespace: "n", name: object), type: .warning,
            reason: "Broken", action: "Mend", note: note)
    }

    @Test("the same again within ten minutes is a series; after ten quiet minutes it is a new event")
    func series() {
        var aggregator = EventAggregator()
        var generator = SeededGenerator(seed: 1)
        guard case .create(let name) = aggregator.decide(occurrence(), now: .zero, using: &generator) else {
            Issue.record("no event")
            return
        }
        #expect(name.utf8.starts(with: "o.".utf8))
        #expect(aggregator.decide(occurrence(), now: .seconds(500), using: &generator) == .count(name: name, 2))
        #expect(aggregator.decide(occurrence(), now: .seconds(1100), using: &generator) == .count(name: name, 3))
        #expect(aggregator.decide(occurrence("other"), now: .seconds(1100), using: &generator) != .count(name: name, 4))
        guard case .create(let next) = aggregator.decide(occurrence(), now: .seconds(1701), using: &generator) else {
            Issue.record("no new event")
            return
        }
        #expect(next != name)
        aggregator.forget(occurrence())
        guard case .create = aggregator.decide(occurrence(), now: .seconds(1702), using: &generator) else {
            Issue.record("the series is not forgotten")
            return
        }
    }

    @Test("of one object 25 things are told at once, then one each five minutes, and what was left out is counted")
    func budget() {
        var aggregator = EventAggregator()
        var generator = SeededGenerator(seed: 2)
        var told = 0
        for index in 0..<100 where aggregator.decide(occurrence("\(index)"), now: .zero, using: &generator) != .drop {
            told += 1
        }
        #expect(told == 25)
        #expect(aggregator.decide(occurrence(object: "p"), now: .zero, using: &generator) != .drop)
        #expect(aggregator.decide(occurrence("99"), now: .seconds(299), using: &generator) == .drop)
        #expect(aggregator.decide(occurrence("99"), now: .seconds(300), using: &generator) != .drop)
        #expect(aggregator.count(of: occurrence("99")) == 3)
        #expect(aggregator.decide(occurrence("98"), now: .seconds(300), using: &generator) == .drop)
    }

    @Test("what is remembered is bounded, whatever happens")
    func bounds() {
        var aggregator = EventAggregator(capacity: 100)
        var generator = SeededGenerator(seed: 3)
        var created = 0
        for index in 0..<10_000 {
            if case .create = aggregator.decide(
                occurrence("\(index)", object: "o\(index)"), now: .seconds(index / 100), using: &generator)
            {
                created += 1
            }
        }
        #expect(created == 10_000)
        let remembered = (0..<10_000).filter { aggregator.count(of: occurrence("\($0)", object: "o\($0)")) > 0 }
        #expect(remembered.count <= 100)
    }

    @Test(
        "texts are cut to what the API takes, between characters",
        arguments: [(1023, 1023), (1024, 1024), (1025, 1024)])
    func cutting(length: Int, kept: Int) {
        #expect(occurrence(String(repeating: "x", count: length)).note.utf8.count == kept)
        let umlauts = occurrence(String(repeating: "\u{1F600}", count: length)).note
        #expect(umlauts.utf8.count <= 1024)
        #expect(umlauts.utf8.count > 1016)
        #expect(umlauts.unicodeScalars.last == "\u{2026}")
        let names = (0..<50).compactMap { index -> String? in
            var aggregator = EventAggregator()
            var generator = SeededGenerator(seed: UInt64(index))
            let object = String(repeating: "a.", count: 100 + index)
            if case .create(let name) = aggregator.decide(
                occurrence(object: object), now: .zero, using: &generator)
            {
                return name
            }
            return nil
        }
        #expect(names.count == 50)
        #expect(names.allSatisfy { $0.utf8.count <= 253 && !$0.contains("..") })
    }
}
