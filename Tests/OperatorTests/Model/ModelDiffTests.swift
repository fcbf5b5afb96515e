import Catalog
import JSONStream
import Operator
import Testing
import YAML

@Suite("Difference of a model and the catalogue")
struct ModelDiffTests {
    private func diff(_ spec: JSONValue, _ registered: String?) throws -> ModelDiff {
        let payload = try ModelPayload(try spec.decode(SIEModel.Spec.self))
        return try ModelDiff(
            payload, registered: try registered.map { try YAMLNode(parsing: $0).mapping ?? YAMLMapping() })
    }

    private let spec: JSONValue = [
        "modelID": "a/b", "hfID": "a/b",
        "profiles": [
            [
                "name": "default", "adapterPath": "m:C", "maxBatchTokens": 100,
                "adapterOptions": ["runtime": ["pooling": "cls"]],
            ],
            ["name": "dense", "extends": "default"],
        ],
    ]
    private let registered = """
        sie_id: a/b
        hf_id: a/b
        tasks: {encode: {}}
        profiles:
          dense: {extends: default, adapter_options: {loadtime: {}, runtime: {}}, compute_precision: null}
          default: {max_batch_tokens: 100, adapter_path: "m:C", adapter_options: {runtime: {pooling: cls}}}
          more: {extends: default}
        """

    @Test("a model that the catalogue does not know is absent")
    func absent() throws { #expect(try diff(spec, nil) == .absent) }

    @Test("a model is there whatever the order, with empty options as none and with further profiles")
    func equal() throws { #expect(try diff(spec, registered) == .equal(unregisteredFields: [])) }

    @Test("what the operator sends is equal to what the catalogue then has")
    func roundTrip() throws {
        let payload = try ModelPayload(try spec.decode(SIEModel.Spec.self))
        let text = String(decoding: payload.bytes, as: UTF8.self)
        #expect(try diff(spec, text) == .equal(unregisteredFields: []))
    }

    @Test("profiles that the catalogue lacks are named")
    func lacking() throws {
        let text = "{sie_id: a/b, profiles: {dense: {extends: default}}}"
        #expect(try diff(spec, text) == .lacking(profiles: ["default"]))
    }

    @Test("top-level fields that the catalogue lacks are told, and no reason to write")
    func unregisteredFields() throws {
        let text = registered.split(separator: "\n").filter { !$0.contains("hf_id") }.joined(separator: "\n")
        #expect(try diff(spec, text) == .equal(unregisteredFields: ["hf_id"]))
    }

    @Test(
        "a profile with other content stands in the way, with both digests",
        arguments: [
            "adapter_path: \"m:D\"", "max_batch_tokens: 101", "compute_precision: float16",
            "adapter_options: {runtime: {pooling: mean}}", "adapter_options: {}", "extends: dense",
        ])
    func conflict(_ change: String) throws {
        let fields = ["adapter_path: \"m:C\"", "max_batch_tokens: 100", "adapter_options: {runtime: {pooling: cls}}"]
        let key = change.prefix { $0 != ":" }
        let content = fields.filter { !$0.hasPrefix(key) } + [change]
        let text = "{sie_id: a/b, profiles: {dense: {extends: default}, default: {\(content.joined(separator: ", "))}}}"
        guard case .conflicting(let profiles, let names) = try diff(spec, text) else {
            Issue.record("no conflict: \(change)")
            return
        }
        #expect(profiles.map(\.profile) == ["default"] && names.isEmpty)
        let conflict = try #require(profiles.first)
        #expect(conflict.wanted != conflict.registered && conflict.wanted.utf8.count == 12)
        let text2 = ModelDiff.explanation(profiles: profiles, fields: names, modelID: "a/b")
        #expect(text2.contains("default") && text2.contains(conflict.wanted) && text2.contains(conflict.registered))
    }

    @Test("a top-level field with another value stands in the way")
    func conflictingField() throws {
        let text = registered.split(separator: "\n").map { $0.hasPrefix("hf_id") ? "hf_id: a/c" : String($0) }
        #expect(try diff(spec, text.joined(separator: "\n")) == .conflicting(profiles: [], fields: ["hf_id"]))
    }

    @Test("a catalogue that does not say what it knows is opaque")
    func opaque() throws {
        #expect(try diff(spec, "{sie_id: a/b, source: filesystem, bundles: [default]}") == .opaque)
    }
}
