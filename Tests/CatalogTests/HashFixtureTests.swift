import Catalog
import JSONStream
import TestSupport
import Testing
import YAML

@Suite("Configuration hashes")
struct HashFixtureTests {
    struct Vector: CustomTestStringConvertible, Sendable {
        var id: String
        var level: String
        var json: JSONValue

        var testDescription: String { id }
        var expected: JSONValue? { json["expect"]?["0.3.1"] }

        func files(_ key: String) -> [(name: String, text: String)] {
            (json[key]?.objectValue ?? []).map { ($0.key, $0.value.stringValue ?? "") }
        }

        func registry() throws -> Registry {
            var registry = Registry(
                bundles: try files("bundles").map {
                    try Bundle(YAMLNode(parsing: $0.text), fallbackID: String($0.name.dropLast(5)))
                })
            for file in files("models") { registry.insert(try ModelConfig(YAMLNode(parsing: file.text))) }
            return registry
        }
    }

    static let vectors: [Vector] = {
        guard let text = try? Fixtures.text("config/hash.jsonl") else { return [] }
        return text.split(separator: "\n").compactMap { line in
            guard let json = try? JSONReader.decode(Array(line.utf8)), let id = json["id"]?.stringValue else {
                return nil
            }
            return Vector(id: id, level: json["level"]?.stringValue ?? "", json: json)
        }
    }()

    @Test("the fixture is there")
    func fixture() { #expect(Self.vectors.count == 49) }

    @Test("text and digest equal the recorded ones", arguments: vectors)
    func vector(_ vector: Vector) throws {
        let expected = try #require(vector.expected)
        let hashes = expected["bundle_config_hashes"]?.objectValue ?? []
        if hashes.contains(where: { $0.value["error"] != nil }) {
            // What cannot be hashed does not become a model at all.
            #expect(throws: CatalogError.self) { try vector.registry() }
            return
        }
        let registry = try vector.registry()
        #expect(registry.bundlesHash == expected["bundles_hash"]?.stringValue)
        #expect(
            String(decoding: BundlesHash.canonicalText(of: registry.bundles), as: UTF8.self)
                == expected["bundles_canonical"]?.stringValue)
        #expect(hashes.count == registry.bundles.count)
        for member in hashes {
            let bundle = try #require(registry.bundle(named: member.key))
            let text = BundleConfigHash.canonicalText(
                of: registry.models.map(\.value), modules: bundle.modules, scheme: .controlPlane031)
            #expect(String(decoding: text, as: UTF8.self) == expected["canonical"]?[member.key]?.stringValue)
            #expect(registry.bundleConfigHash(of: member.key) == member.value.stringValue)
        }
    }

    @Test("the digest over all bundles equals the recorded one", arguments: vectors)
    func hashesHash(_ vector: Vector) throws {
        // Recorded with release 0.10.1, whose hashes of single bundles differ, so those are taken as recorded too.
        guard let expected = vector.json["expect"]?["0.10.1"],
            let digest = expected["bundle_config_hashes_hash"]?.stringValue,
            let registry = try? vector.registry()
        else { return }
        let bundles = registry.bundles.map { bundle in
            (
                bundle.id, expected["bundle_config_hashes"]?[bundle.id]?.stringValue ?? "",
                registry.pools(of: bundle)
            )
        }
        #expect(BundlesHash.configDigest(of: bundles) == digest)
    }

    @Test("the worker's scheme gives the worker's text and digest")
    func workerScheme() throws {
        let cases = try JSONReader.decode(Array(Fixtures.data("worker/bundle_config_hash.json"))).arrayValue ?? []
        #expect(cases.count >= 5)
        for json in cases {
            let models = try (json["models_yaml"]?.arrayValue ?? []).map {
                try ModelConfig(YAMLNode(parsing: $0.stringValue ?? ""))
            }
            let text = BundleConfigHash.canonicalText(of: models, modules: [], scheme: .worker031)
            #expect(String(decoding: text, as: UTF8.self) == json["canonical_json"]?.stringValue ?? "")
            #expect(BundleConfigHash.digest(of: models, modules: [], scheme: .worker031) == json["sha256"]?.stringValue)
        }
    }

    @Test("a registry computes a hash again after it grew, and copies keep their own")
    func cache() throws {
        var registry = Registry(bundles: [Bundle(id: "b", adapters: ["m"])])
        try registry.add(ModelConfig(YAMLNode(parsing: "{sie_id: a, profiles: {default: {adapter_path: 'm:A'}}}")))
        let before = registry
        let first = before.bundleConfigHash(of: "b")
        try registry.add(ModelConfig(YAMLNode(parsing: "{sie_id: c, profiles: {default: {adapter_path: 'm:A'}}}")))
        #expect(registry.bundleConfigHash(of: "b") != first)
        #expect(before.bundleConfigHash(of: "b") == first)
        #expect(registry.bundleConfigHash(of: "other") == "")
    }
}
