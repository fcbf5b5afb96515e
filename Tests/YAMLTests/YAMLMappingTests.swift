import Testing
import YAML

/// Mappings are looked through while they are small and indexed when they are large; nobody may see the difference.
@Suite("Mappings of all sizes")
struct YAMLMappingTests {
    private static func mapping(_ numbers: some Sequence<Int>) -> YAMLMapping {
        var mapping = YAMLMapping()
        for number in numbers { mapping["key-\(number)"] = .integer(number) }
        return mapping
    }

    @Test("every key is found, in its place, while a mapping grows and shrinks", arguments: [1, 11, 12, 13, 14, 100])
    func growsAndShrinks(count: Int) {
        var mapping = Self.mapping(0..<count)
        #expect(mapping.count == count)
        #expect((0..<count).allSatisfy { mapping["key-\($0)"] == .integer($0) })
        #expect(mapping["key-\(count)"] == nil)

        mapping["key-0"] = .string("changed")
        #expect(mapping.entries.first?.value == .string("changed"))
        #expect(mapping.count == count)

        for number in 0..<count {
            mapping["key-\(number)"] = nil
            #expect(mapping["key-\(number)"] == nil)
            #expect(mapping.entries.map(\.key.string) == ((number + 1)..<count).map { "key-\($0)" })
        }
        #expect(mapping.isEmpty)
    }

    @Test("equality does not look at the order", arguments: [3, 12, 13, 40])
    func equality(count: Int) {
        let mapping = Self.mapping(0..<count)
        #expect(mapping == Self.mapping((0..<count).reversed()))
        #expect(mapping != Self.mapping(1..<(count + 1)))
        #expect(mapping != Self.mapping(0..<(count - 1)))
    }

    @Test("1, 1.0 and true are one key, canonically equal strings are two", arguments: [0, 30])
    func keys(others: Int) {
        var mapping = Self.mapping(0..<others)
        let added = [
            mapping.set(.integer(1), .string("first")), mapping.set(YAMLNode(.float(1)), .string("second")),
            mapping.set(YAMLNode(.bool(true)), .string("third")),
        ]
        #expect(added == [true, false, false])
        #expect(mapping.entries.last?.value == .string("third"))
        let texts = [mapping.set(.string("\u{e9}"), .integer(1)), mapping.set(.string("e\u{301}"), .integer(2))]
        #expect(texts == [true, true])
        #expect(mapping.count == others + 3)
    }
}
