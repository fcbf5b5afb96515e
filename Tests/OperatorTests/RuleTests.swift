import FoundationEssentials
import JSONStream
import Operator
import TestSupport
import Testing

/// One table of objects that may be written or not, looked at by the operator and by a CEL runtime.
@Suite("Rules of the custom resources")
struct RuleTests {
    @Test("the operator finds in each object of the table what the table says")
    func operatorRules() throws {
        let table = try RuleTable.load()
        #expect(table.cases.count > 90)
        for entry in table.cases where entry.schema == nil {
            let issues: [SpecIssue] =
                switch entry.kind {
                case "SIEModel": try issues(SIEModel.self, entry, table)
                case "SIEPool": try issues(SIEPool.self, entry, table)
                default: try issues(SIEBundle.self, entry, table)
                }
            let expected = (entry.rules ?? []) + (entry.byOperator ?? [])
            #expect(issues.map(\.message).sorted() == expected.sorted(), "\(entry.label)")
        }
    }

    private func issues<Object: SIEResource>(
        _ type: Object.Type, _ entry: RuleTable.Case, _ table: RuleTable
    ) throws -> [SpecIssue] {
        let new: Object = try table.new(entry).decode()
        let old = try table.old(entry)?.decode(Object.self)
        return new.issues(replacing: old)
    }

    @Test(
        "an API server with CEL finds the same, field by field", .enabled(if: PythonProcess.isInstalled),
        .timeLimit(.minutes(1)))
    func celRules() async throws {
        let table = try RuleTable.load()
        let verdicts = try await verdicts(table)
        try #require(verdicts.count == table.cases.count)
        for (entry, verdict) in zip(table.cases, verdicts) {
            #expect(verdict.schema == entry.schema ?? [], "\(entry.label)")
            #expect(
                verdict.rules.compactMap(\.last).sorted() == (entry.rules ?? []).sorted(), "\(entry.label)")
            guard entry.schema == nil else { continue }
            let own: [SpecIssue] =
                switch entry.kind {
                case "SIEModel": try issues(SIEModel.self, entry, table)
                case "SIEPool": try issues(SIEPool.self, entry, table)
                default: try issues(SIEBundle.self, entry, table)
                }
            let shared = own.filter { !(entry.byOperator ?? []).contains($0.message) }
            #expect(
                shared.map(\.field).sorted() == verdict.rules.compactMap(\.first).sorted(), "\(entry.label)")
        }
    }

    @Test("every CEL rule of the schemas refuses something in the table")
    func everyRuleIsTried() throws {
        let table = try RuleTable.load()
        for kind in ["SIEModel", "SIEPool", "SIEBundle"] {
            let tried = Set(table.cases.filter { $0.kind == kind }.flatMap { $0.rules ?? [] })
            #expect(try CustomResourceDefinitions.schema(of: kind).ruleMessages == tried)
        }
    }

    private struct Verdict: Decodable {
        var schema: [String]
        /// Field and message.
        var rules: [[String]]
    }

    /// What a JSON schema validator and Google's CEL runtime make of the table.
    private func verdicts(_ table: RuleTable) async throws -> [Verdict] {
        let cases = JSONValue.array(
            table.cases.map { entry in
                var members = [JSONMember("kind", .string(entry.kind)), JSONMember("new", table.new(entry))]
                if let old = table.old(entry) { members.append(JSONMember("old", old)) }
                return .object(members)
            })
        let folder = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (file, definitions) = (folder.appending(path: "cases.json"), folder.appending(path: "crds.yaml"))
        try Data(JSONWriter.encode(cases)).write(to: file)
        try Data(CustomResourceDefinitions.texts.values.joined(separator: "\n---\n").utf8).write(to: definitions)
        let lines = try await PythonProcess.run(
            try Fixtures.text("operator/evaluate_crds.py"), arguments: [file.path, definitions.path])
        return try lines.map { try JSONReader.decode($0.utf8).decode(Verdict.self) }
    }
}
