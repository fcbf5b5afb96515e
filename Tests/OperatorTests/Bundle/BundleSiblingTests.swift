import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Bundles among each other")
struct BundleSiblingTests {
    @Test("of two bundles of one name the older counts; of equally old ones the smaller uid")
    func duplicates() throws {
        let old = try BundleWorld.bundle(["bundleName": "b"], name: "x", uid: "2", created: "2026-01-01T00:00:00Z")
        let new = try BundleWorld.bundle(["bundleName": "b"], name: "y", uid: "1", created: "2026-01-02T00:00:00Z")
        let same = try BundleWorld.bundle(["bundleName": "b"], name: "z", uid: "3", created: "2026-01-01T00:00:00Z")
        let all = [new, same, old]
        #expect(new.duplicated(among: all) == old.key && same.duplicated(among: all) == old.key)
        #expect(old.duplicated(among: all) == nil)
        var elsewhere = old
        elsewhere.metadata.namespace = "other"
        #expect(new.duplicated(among: [elsewhere, new]) == nil)
    }

    @Test("one bundle of a namespace is the default one: the oldest that wants to be")
    func defaults() throws {
        let plain = try BundleWorld.bundle(name: "a", uid: "1", created: "2025-01-01T00:00:00Z")
        let first = try BundleWorld.bundle(["default": true], name: "b", uid: "2")
        let second = try BundleWorld.bundle(["default": true], name: "c", uid: "3", created: "2026-02-01T00:00:00Z")
        let all = [second, first, plain]
        #expect(second.defaultElsewhere(among: all) == first.key)
        #expect(first.defaultElsewhere(among: all) == nil && plain.defaultElsewhere(among: all) == nil)
        #expect(SIEBundle.defaultBundle(among: all) == "b")
        #expect(SIEBundle.defaultBundle(among: [plain]) == nil)
    }

    @Test("an adapter may go where no model is left without a route")
    func adapters() throws {
        func model(_ id: String, _ paths: [String]) -> SIEModel {
            SIEModel(
                metadata: ObjectMeta(name: id),
                spec: .init(
                    modelID: id,
                    profiles: paths.enumerated().map { .init(name: "p\($0.offset)", adapterPath: $0.element) }))
        }
        let models = [
            model("a/b", ["acme.old:A"]), model("c/d", ["acme.old:A", "acme.enc:B"]), model("e/f", ["acme.enc:B"]),
        ]
        let bundle = try BundleWorld.bundle(["allowAdapterRemoval": true])
        #expect(
            bundle.adaptersInUse(published: ["acme.enc", "acme.old"], models: models, others: [bundle])
                == ["acme.old": ["a/b"]])
        let other = try BundleWorld.bundle(["adapters": ["acme.old"]], name: "other", uid: "o")
        #expect(
            bundle.adaptersInUse(published: ["acme.enc", "acme.old"], models: models, others: [bundle, other]).isEmpty)
        #expect(bundle.adaptersInUse(published: ["acme.enc"], models: models, others: []).isEmpty)
        #expect(bundle.modelCount(among: models) == 2)
    }

    @Test("what the config service tells is compared by name, priority and the set of adapters")
    func advertised() {
        let definition = BundleDefinition(name: "b", priority: 10, isDefault: true, adapters: ["x", "y"])
        func matches(_ name: String, _ priority: Int?, _ adapters: Set<String>) -> Bool {
            BundleAdvertisement.answered(.init(name: name, priority: priority, adapters: adapters)).matches(definition)
        }
        #expect(matches("b", 10, ["y", "x"]))
        #expect(!matches("c", 10, ["x", "y"]) && !matches("b", 11, ["x", "y"]) && !matches("b", nil, ["x", "y"]))
        #expect(!matches("b", 10, ["x"]) && !BundleAdvertisement.answered(nil).matches(definition))
        #expect(!BundleAdvertisement.unavailable("x").matches(definition))
    }

    @Test("a definition is a bundle's file: texts that YAML would take for something else stay texts")
    func text() throws {
        let definition = BundleDefinition(name: "null", priority: 0, isDefault: true, adapters: ["true", "a.b", "e1"])
        #expect(BundleDefinition.adapters(in: definition.text) == ["true", "a.b", "e1"])
        #expect(definition.text.contains("default: true\n") && definition.sha256.utf8.count == 64)
        #expect(BundleDefinition.adapters(in: "adapters: 3") == nil)
        #expect(BundleDefinition.adapters(in: "{") == nil)
    }
}
