import CLI
import Catalog
import Testing
import YAML

@Suite struct ModelDiffTests {
    private static let bundles = [Bundle(id: "default", adapters: ["st"]), Bundle(id: "other", adapters: ["x"])]

    private func diff(_ file: String, stored: String?) throws -> ModelDiff {
        let document = try #require(try YAMLNode(parsing: file).mapping)
        return try ModelDiff(
            document, stored: try stored.flatMap { try YAMLNode(parsing: $0).mapping }, bundles: Self.bundles)
    }

    @Test("a new model is all additions, with the bundles that will serve it")
    func new() throws {
        let diff = try diff("{sie_id: m, hf_id: h, profiles: {default: {adapter_path: 'st:A'}}}", stored: nil)
        #expect(diff.verdict == .additions)
        #expect(diff.lines == ["+ profile default, served by default", "+ hf_id: \"h\""])
    }

    @Test("equal content is no change, whatever its order and spelling")
    func unchanged() throws {
        let diff = try diff(
            "{profiles: {default: {max_batch_tokens: 8192.0, adapter_path: 'st:A'}}, sie_id: m}",
            stored: "{sie_id: m, hf_id: h, profiles: {default: {adapter_path: 'st:A', max_batch_tokens: 8192}}}")
        #expect(diff.verdict == .unchanged)
        #expect(diff.lines == ["= profile default"])
    }

    @Test("a new profile joins the known ones; a new field alone has no effect")
    func additions() throws {
        let stored = "{sie_id: m, profiles: {default: {adapter_path: 'st:A'}}}"
        let appended = try diff(
            "{sie_id: m, profiles: {default: {adapter_path: 'st:A'}, fast: {adapter_path: 'x:A'}}}", stored: stored)
        #expect(appended.verdict == .additions)
        #expect(appended.lines == ["+ profile fast, served by default, other", "= profile default"])
        let field = try diff("{sie_id: m, hf_id: h, profiles: {default: {adapter_path: 'st:A'}}}", stored: stored)
        #expect(field.verdict == .unchanged)
        #expect(field.lines.last?.hasPrefix("~ hf_id: \"h\"") == true)
    }

    @Test("what is in the way is named with both values")
    func conflicts() throws {
        let stored =
            "{sie_id: m, hf_id: h, profiles: {default: {adapter_path: 'st:A', max_batch_tokens: 1, a: {b: 2}}}}"
        let profile = try diff(
            "{sie_id: m, profiles: {default: {adapter_path: 'st:A', max_batch_tokens: 3, a: {b: [4]}, c: 5}}}",
            stored: stored)
        #expect(profile.verdict == .refused)
        #expect(
            profile.lines == [
                "! profile default.max_batch_tokens: stored 1, in the file 3",
                "! profile default.a.b: stored 2, in the file [4]",
                "! profile default.c: not stored, in the file 5",
            ])
        let field = try diff(
            "{sie_id: m, hf_id: other, profiles: {default: {adapter_path: 'st:A', max_batch_tokens: 1, a: {b: 2}}}}",
            stored: stored)
        #expect(field.lines == ["! hf_id: stored \"h\", in the file \"other\""])
        let nowhere = try diff("{sie_id: n, profiles: {default: {adapter_path: 'z:A'}}}", stored: nil)
        #expect(nowhere.lines == ["! Adapter(s) not in any known bundle: z"])
    }
}
