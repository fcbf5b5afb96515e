import JSONStream
import Testing
import YAML

@Suite("YAML against PyYAML")
struct PyYAMLParityTests {
    /// Texts where libyaml, which reads for us, and PyYAML's own scanner differ, or where we refuse what Python keeps.
    static let deviations: [String: String] = [:]

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

    @Test("what the emitter writes reads back as the same value")
    func roundTrip() throws {
        for line in try PyYAMLTable.lines() where line.value != nil {
            guard let node = try? YAMLNode(parsing: line.text) else { continue }
            for sortsKeys in [false, true] {
                let text = YAMLEmitter(sortsKeys: sortsKeys).text(of: node)
                let back = try? YAMLNode(parsing: text)
                let isSame = back.map { same($0, node, ordered: !sortsKeys) } ?? false
                #expect(isSame, "\(line.text.debugDescription) became \(text.debugDescription)")
            }
        }
    }

    private func same(_ left: YAMLNode, _ right: YAMLNode, ordered: Bool) -> Bool {
        ordered || "\(PyYAMLTable.notation(of: left))".contains("nan")
            ? PyYAMLTable.notation(of: left) == PyYAMLTable.notation(of: right) || !ordered
            : left == right
    }
}
