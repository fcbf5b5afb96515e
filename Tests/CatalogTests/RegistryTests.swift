import Catalog
import TestSupport
import Testing
import YAML

@Suite("Registry")
struct RegistryTests {
    private let bundles = [
        Bundle(id: "slow", priority: .integer(20), adapters: ["m.two", "m.one"]),
        Bundle(id: "fast", priority: .integer(5), adapters: ["m.one"]),
        Bundle(id: "also", priority: .integer(20), adapters: ["m.two"]),
    ]

    private func model(_ text: String) throws -> ModelConfig { try ModelConfig(YAMLNode(parsing: text)) }

    @Test("bundles serve a model by ascending priority, ties by name")
    func routing() throws {
        var registry = Registry(bundles: bundles)
        let addition = try registry.add(
            model("{sie_id: x/Y, profiles: {p: {adapter_path: 'm.one:A'}, q: {adapter_path: m.two}}}"))
        #expect(addition.affectedBundles == ["fast", "also", "slow"])
        #expect(addition.createdProfiles == ["p", "q"])
        #expect(registry.bundles(servingModel: "x/Y") == ["fast", "also", "slow"])
        #expect(registry.bundles(servingModel: "x/y").isEmpty)
        #expect(registry.modelID(matching: "X/y") == "x/Y")
    }

    @Test("new profiles join known ones; equal ones are skipped, other ones refused")
    func appending() throws {
        var registry = Registry(bundles: bundles)
        try registry.add(
            model("{sie_id: x, hf_id: h, profiles: {p: {adapter_path: 'm.one:A', adapter_options: {a: 0}}}}"))
        let addition = try registry.add(
            model(
                "{sie_id: x, profiles: {q: {extends: p}, p: {adapter_path: 'm.one:A', adapter_options: null, note: 1}}}"
            ))
        #expect(addition.createdProfiles == ["q"])
        #expect(addition.skippedProfiles == ["p"])
        #expect(registry.models["x"]?.profiles.map(\.name) == ["p", "q"])
        #expect(registry.models["x"]?.hubID == "h")
        #expect(throws: RegistryError.profileConflict(model: "x", profile: "p")) {
            try registry.add(model("{sie_id: x, profiles: {r: {extends: p}, p: {adapter_path: 'm.one:B'}}}"))
        }
        #expect(registry.models["x"]?.profiles.count == 2)
    }

    @Test("models that nothing could run are refused")
    func refusals() throws {
        var registry = Registry(bundles: bundles)
        #expect(throws: RegistryError.missingProfiles(model: "x")) { try registry.add(model("{sie_id: x}")) }
        #expect(throws: RegistryError.missingAdapterPath(model: "x", profile: "p")) {
            try registry.add(model("{sie_id: x, profiles: {p: {}}}"))
        }
        #expect(throws: RegistryError.unknownAdapters(model: "x", modules: ["a.a", "z.z"])) {
            try registry.add(model("{sie_id: x, profiles: {p: {adapter_path: 'z.z:A'}, q: {adapter_path: a.a}}}"))
        }
        #expect(throws: CatalogError.self) { try model("profiles: {}") }
        #expect(registry.models.isEmpty)
    }

    @Test("a digest kept up to date while models come and grow is that of all models at once")
    func growingDigests() throws {
        var registry = Registry(bundles: bundles)
        var seen: Set<String> = []
        for step in 0..<60 {
            let name = "m-\(step * 37 % 20)"
            let module = step % 3 == 0 ? "m.two" : "m.one"
            try registry.add(model("{sie_id: \(name), profiles: {p\(step): {adapter_path: '\(module):A'}}}"))
            let before = registry
            for bundle in bundles {
                let digest = registry.bundleConfigHash(of: bundle.id)
                #expect(digest == BundleConfigHash.digest(of: registry.models.map(\.value), modules: bundle.modules))
            }
            registry.insert(try model("{sie_id: \(name), profiles: {other: {adapter_path: 'm.one:B'}}}"))
            seen.insert(registry.bundleConfigHash(of: "slow"))
            // Who holds the state before a change goes on seeing that.
            #expect(before.bundleConfigHash(of: "slow") != registry.bundleConfigHash(of: "slow"))
            registry = before
        }
        #expect(seen.count == 60)
    }

    @Test("a digest that goes on from what was hashed before is that of all models at once", arguments: [1, 2, 3])
    func continuedDigests(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var registry = Registry(bundles: bundles)
        // More models than lie between two hashes that are kept; some leave one bundle for the other.
        for step in 0..<400 {
            let name = "m-\(Int.random(in: 0..<300, using: &generator))"
            let module = ["m.one", "m.two", "x.none"].randomElement(using: &generator) ?? ""
            let pool = Bool.random(using: &generator) ? "p\"q" : ""
            registry.insert(
                try model("{sie_id: \(name), pool: '\(pool)', profiles: {p\(step): {adapter_path: '\(module):A'}}}"))
            guard Int.random(in: 0..<4, using: &generator) == 0 else { continue }
            var fresh = Registry(bundles: bundles)
            for id in registry.modelIDs { if let model = registry.models[id] { fresh.insert(model) } }
            for bundle in bundles {
                let digest = registry.bundleConfigHash(of: bundle.id)
                #expect(digest == BundleConfigHash.digest(of: registry.models.map(\.value), modules: bundle.modules))
            }
            #expect(registry.bundleConfigHashesHash == fresh.bundleConfigHashesHash)
            let expected = registry.bundles.map { bundle in
                (bundle.id, registry.bundleConfigHash(of: bundle.id), registry.pools(of: bundle))
            }
            #expect(registry.bundleConfigHashesHash == BundlesHash.configDigest(of: expected))
        }
    }

    @Test("replacing the bundles routes every model anew")
    func replacingBundles() throws {
        var registry = Registry(bundles: bundles)
        try registry.add(model("{sie_id: x, profiles: {p: {adapter_path: 'm.one:A'}}}"))
        registry.replaceBundles([Bundle(id: "new", adapters: ["m.one"])])
        #expect(registry.bundles(servingModel: "x") == ["new"])
        #expect(!registry.bundleConfigHash(of: "new").isEmpty)
        #expect(registry.bundleConfigHash(of: "fast").isEmpty)
    }

    @Test("a name finds its model in any case, whole before split, and only known profiles")
    func naming() throws {
        var registry = Registry(bundles: bundles)
        try registry.add(model("{sie_id: 'a:fast', profiles: {p: {adapter_path: 'm.one:A'}}}"))
        try registry.add(model("{sie_id: a, profiles: {fast: {adapter_path: 'm.one:A'}, slow: {extends: fast}}}"))
        #expect(ModelNaming.resolve("A:fast", in: registry) == .init(modelID: "a:fast", profile: nil))
        #expect(ModelNaming.resolve("A:slow", in: registry) == .init(modelID: "a", profile: "slow"))
        #expect(ModelNaming.resolve("a@fast", in: registry) == .init(modelID: "a", profile: "fast"))
        #expect(ModelNaming.resolve("a:none", in: registry) == nil)
        #expect(ModelNaming.resolve("b", in: registry) == nil)
    }

    @Test(
        "ids follow the grammar",
        arguments: [
            ("single", true), ("0acme/A.b_c-d", true), ("acme//double", true), ("acme/status/v1", true),
            ("acme/statuses", true), ("status", false), ("acme/status", false), ("a..b", false), ("a\\b", false),
            ("", false), ("/a", false), (".a", false), ("a:b", false), ("a b", false), ("a\n", false), ("é", false),
        ])
    func grammar(_ id: String, _ isValid: Bool) { #expect(ModelIdentifier.isValid(id) == isValid) }

    @Test("file names turn back into ids")
    func fileNames() {
        #expect(ModelIdentifier.fileName(of: "a/b/c_d") == "a__b__c_d.yaml")
        #expect(ModelIdentifier.id(ofFileStem: "a__b__c_d") == "a/b/c_d")
        #expect(ModelIdentifier.isStorable("a_b/c") && !ModelIdentifier.isStorable("a__b"))
    }
}
