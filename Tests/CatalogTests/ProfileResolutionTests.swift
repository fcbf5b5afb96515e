import Catalog
import FoundationEssentials
import JSONStream
import TestSupport
import Testing
import YAML

@Suite("Profile resolution")
struct ProfileResolutionTests {
    private func alpha() throws -> ModelConfig {
        let cases = try JSONReader.decode(Array(Fixtures.data("worker/bundle_config_hash.json"))).arrayValue ?? []
        return try ModelConfig(YAMLNode(parsing: cases[1]["models_yaml"]?.arrayValue?.first?.stringValue ?? ""))
    }

    @Test("profiles resolve as the fixture says")
    func fixture() throws {
        let model = try alpha()
        let cases = try JSONReader.decode(Array(Fixtures.data("worker/profile_resolution.json"))).arrayValue ?? []
        let own = cases.filter { $0["model"]?.stringValue == model.id }
        #expect(own.count >= 2)
        for json in own {
            let resolved = try model.resolvedProfile(named: json["profile"]?.stringValue ?? "")
            let expected = try #require(json["resolved"])
            #expect(resolved.maxBatchTokens == expected["max_batch_tokens"]?.intValue)
            #expect(resolved.computePrecision == expected["compute_precision"]?.stringValue)
            #expect(resolved.adapterPath == expected["adapter_path"]?.stringValue)
            #expect(YAMLNode(.mapping(resolved.loadtimeOptions)) == YAMLNode(json: expected["loadtime"] ?? .null))
            #expect(YAMLNode(.mapping(resolved.runtimeOptions)) == YAMLNode(json: expected["runtime"] ?? .null))
        }
    }

    @Test("a missing profile, a missing parent and a parent with a parent are named")
    func failures() throws {
        let model = try ModelConfig(
            YAMLNode(parsing: "{sie_id: x, profiles: {a: {extends: b}, b: {extends: c}, c: {}, d: {extends: z}}}"))
        #expect(throws: ResolvedProfile.Failure.unknownProfile(model: "x", profile: "default")) {
            try model.resolvedProfile()
        }
        #expect(throws: ResolvedProfile.Failure.nestedParent(model: "x", profile: "a", parent: "b")) {
            try model.resolvedProfile(named: "a")
        }
        #expect(throws: ResolvedProfile.Failure.unknownParent(model: "x", profile: "d", parent: "z")) {
            try model.resolvedProfile(named: "d")
        }
    }

    @Test("the shipped catalogue loads, is strictly valid and serves its model from the default bundle")
    func seeds() throws {
        let root = Fixtures.repository.path() + "/catalog"
        let bundles = try CatalogDirectory(root + "/bundles").bundles()
        let models = CatalogDirectory(root + "/models").models()
        #expect(bundles.skipped.isEmpty && models.skipped.isEmpty)
        var registry = Registry(bundles: bundles.files.map(\.content))
        for file in models.files {
            #expect(ModelSchema.issues(in: YAMLNode(.mapping(file.content.document))).isEmpty)
            #expect(file.name == ModelIdentifier.fileName(of: file.content.id))
            try registry.add(file.content)
        }
        let id = "sentence-transformers/all-MiniLM-L6-v2"
        #expect(registry.bundles(servingModel: id) == ["default"])
        #expect(registry.models[id]?.outputs == ["dense"])
        #expect(registry.models[id]?.dimensions == ["dense": 384])
    }

    @Test(
        "the strict schema names each field that breaks it",
        arguments: [
            ("{}", ["sie_id", "hf_id", "tasks", "profiles"]),
            (
                "{sie_id: x, hf_id: h, tasks: {}, profiles: {default: {extends: 1}}, more: 1}",
                [
                    "more", "profiles.default.extends", "profiles.default.adapter_path",
                    "profiles.default.max_batch_tokens",
                ]
            ),
            (
                "{sie_id: x, package_backed: true, hf_id: h, tasks: {encode: {dense: {}}}, profiles: {default: {adapter_path: a, max_batch_tokens: '1', compute_precision: int8}}}",
                [
                    "hf_id", "tasks.encode.dense.dim", "profiles.default.max_batch_tokens",
                    "profiles.default.compute_precision",
                ]
            ),
        ])
    func strictSchema(_ text: String, _ locations: [String]) throws {
        let issues = try ModelSchema.issues(in: YAMLNode(parsing: text))
        #expect(issues.map { $0.location.joined(separator: ".") } == locations)
    }
}
