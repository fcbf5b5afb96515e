import Catalog
import TestSupport
import Testing

@Suite("Persistent maps")
struct PersistentMapTests {
    @Test("a map does what a dictionary does, and copies go on having what they had")
    func copies() {
        var generator = SeededGenerator(seed: 1)
        var map = PersistentMap<Int>()
        var expected: [String: Int] = [:]
        var copies: [(map: PersistentMap<Int>, expected: [String: Int])] = []
        for step in 0..<2000 {
            let name = "name-\(Int.random(in: 0..<400, using: &generator))"
            let value = Int.random(in: 0..<5, using: &generator) == 0 ? nil : step
            map[name] = value
            expected[name] = value
            if step % 100 == 0 { copies.append((map, expected)) }
        }
        for (map, expected) in copies + [(map, expected)] {
            #expect(Dictionary(uniqueKeysWithValues: map.map { ($0.key, $0.value) }) == expected)
            #expect(map.count == expected.count && map.isEmpty == expected.isEmpty)
            #expect(Set(map.names) == Set(expected.keys))
            #expect((0..<400).allSatisfy { map["name-\($0)"] == expected["name-\($0)"] })
        }
    }
}
