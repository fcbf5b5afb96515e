import JSONStream
import Testing
import YAML

@Suite("YAML against PyYAML")
struct PyYAMLParityTests {
    /// Texts where libyaml, which reads for us, and PyYAML's own scanner differ.
    static let deviations: [String: String] = [
        "a:\t1": "a tab may separate tokens, as YAML 1.1 has it",
        "a: 1\t# c": "a tab may separate tokens, as YAML 1.1 has it",
        "2024-01-02 \t03:04:05 Z": "a tab inside plain text is text",
        "a: 2024-01-02 \t03:04:05 Z": "a tab inside plain text is text",
        "a: \"\\ud83d\\ude00\"": "an escaped surrogate is no character; Python keeps text that nothing can encode",
    ]

    @Test("every text of the table has PyYAML's value, or is refused as PyYAML refuses it")
    func table() throws {
        let lines = try PyYAMLTable.lines()
        #expect(lines.count > 4000)
        var differences: [String] = []
        for line in lines where Self.deviations[line.text] == nil {
            let ours = try? PyYAMLTable.notation(of: YAMLNode(parsing: line.text))
            if ours != line.value {
                differences.append(
                    "\(line.text.debugDescription): \(ours.map { "\($0)" } ?? "refused"), PyYAML \(line.value.map { "\($0)" } ?? "refuses")"
                )
            }
        }
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }

    @Test("what the emitter writes reads back as the same value, in the same order where none is asked for")
    func roundTrip() throws {
        for line in try PyYAMLTable.lines() where line.value != nil {
            guard let node = try? YAMLNode(parsing: line.text) else { continue }
            let text = YAMLEmitter().text(of: node)
            let back = (try? YAMLNode(parsing: text)).map(PyYAMLTable.notation(of:))
            #expect(
                back == PyYAMLTable.notation(of: node), "\(line.text.debugDescription) became \(text.debugDescription)")

            // NaN equals nothing, itself included.
            guard !text.contains(".nan") else { continue }
            let sorted = YAMLEmitter(sortsKeys: true).text(of: node)
            let backSorted = try? YAMLNode(parsing: sorted)
            #expect(backSorted == node, "\(line.text.debugDescription) became \(sorted.debugDescription)")
        }
    }

    @Test("a JSON value becomes the node that its text would, and comes back")
    func json() throws {
        let text = #"{"a":[null,true,1,18446744073709551615,1.5,"x",{"b":[]}],"c":""}"#
        let json = try JSONReader.decode(Array(text.utf8))
        let node = YAMLNode(json: json)
        #expect(try node == YAMLNode(parsing: text))
        #expect(try JSONValue(node) == json)
        #expect(throws: YAMLToJSONError.self) { try JSONValue(YAMLNode(parsing: "{1: a}")) }
        #expect(
            try JSONValue(YAMLNode(parsing: "{1: a, true: b, ~: c}"), nonStringKeys: .convert) == [
                "1": "b", "null": "c",
            ])
        #expect(throws: YAMLToJSONError.self) { try JSONValue(YAMLNode(parsing: "18446744073709551616")) }
    }
}
