import TestSupport
import Testing
import YAML

@Suite("YAML limits and errors")
struct YAMLLimitsTests {
    private func error(_ text: String, _ options: YAMLOptions = YAMLOptions()) -> YAMLError? {
        do {
            _ = try YAMLNode(parsing: text, options: options)
            return nil
        } catch {
            return error
        }
    }

    @Test("aliases that would mean a billion nodes are refused before they cost anything")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            text += "a\(level): &a\(level) [" + String(repeating: "*a\(level - 1),", count: 10) + "]\n"
        }
        #expect(error(text)?.kind == .limit)
    }

    @Test("merge keys count as written out")
    func mergeBomb() {
        var text = "a0: &a0 {" + (0..<100).map { "k\($0): v" }.joined(separator: ", ") + "}\n"
        for level in 1...20_000 { text += "b\(level): {<<: *a0}\n" }
        #expect(error(text)?.kind == .limit)
    }

    @Test("collections nest as deep as the limit and no deeper")
    func depth() {
        #expect(error(String(repeating: "[", count: 100) + String(repeating: "]", count: 100)) == nil)
        #expect(error(String(repeating: "[", count: 101) + String(repeating: "]", count: 101))?.kind == .limit)
        #expect(error(String(repeating: "[", count: 1_000_000))?.kind == .limit)
        #expect(error(String(repeating: "- ", count: 200_000))?.kind == .limit)
    }

    @Test("a text above the size limit is refused")
    func size() {
        var options = YAMLOptions()
        options.maximumBytes = 10
        #expect(error("a: 1234567", options) == nil)
        #expect(error("a: 12345678", options)?.kind == .limit)
    }

    @Test("a key that stands twice is an error where that is asked for, also as another type of the same value")
    func duplicateKeys() {
        var options = YAMLOptions()
        options.duplicateKeys = .reject
        #expect(error("a: 1\nb: 2\na: 3", options)?.mark == YAMLMark(line: 3, column: 1))
        #expect(error("1: a\ntrue: b", options)?.kind == .key)
        #expect(error("a: &x {k: 1}\nb: {<<: *x, k: 2}", options) == nil)
    }

    @Test(
        "errors name the line and the column",
        arguments: [
            ("a: 1\nb: [1, 2\nc: 3", YAMLError.Kind.syntax, 3, 2), ("a:\n\tb: 1", .syntax, 2, 1),
            ("a: 1\nb: !foo x", .tag, 2, 4), ("a: 1\nb: *x", .reference, 2, 4), ("a: 2024-13-01", .scalar, 1, 4),
            ("- a\n- ? [b]\n  : c", .key, 2, 5), ("a: 1\n---\nb: 2", .syntax, 2, 1),
        ])
    func marks(_ text: String, _ kind: YAMLError.Kind, _ line: Int, _ column: Int) throws {
        let error = try #require(self.error(text))
        #expect(error.kind == kind)
        #expect(error.mark == YAMLMark(line: line, column: column), "\(error)")
    }

    @Test("bytes that are not UTF-8 are refused")
    func encoding() {
        #expect(throws: YAMLError.self) { try YAMLNode(parsing: [0x61, 0x3A, 0x20, 0xFF] as [UInt8]) }
        #expect(throws: YAMLError.self) { try YAMLNode(parsing: [0xFF, 0xFE, 0x61, 0x00] as [UInt8]) }
    }

    @Test("random bytes and mangled documents never do worse than fail")
    func fuzz() {
        var random = SeededGenerator(seed: 0x5941_4D4C)
        let alphabet = Array("abc:-?[]{}&*!|>'\"%#,.\n\n   \t~<=0123xé\u{0}\u{feff}\\".utf8)
        let seed = Array("a: &x {b: [1, 2.5, ~], <<: {c: d}}\ne: *x\nf: |\n  text\n'g': !!int \"3\"\n".utf8)
        var parsed = 0
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round.isMultiple(of: 2) {
                bytes = (0..<Int.random(in: 0...60, using: &random)).compactMap { _ in
                    alphabet.randomElement(using: &random)
                }
            } else {
                bytes = seed
                for _ in 0...Int.random(in: 0...4, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[index] = alphabet.randomElement(using: &random) ?? 0
                }
            }
            guard let node = try? YAMLNode(parsing: bytes) else { continue }
            parsed += 1
            let text = YAMLEmitter().text(of: node)
            #expect((try? YAMLNode(parsing: text)) != nil, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
        #expect(parsed > 1000)
    }
}
