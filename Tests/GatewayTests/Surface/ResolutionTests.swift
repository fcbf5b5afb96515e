import Catalog
import Gateway
import JSONStream
import Testing

@Suite("Resolving without sending")
struct ResolutionTests {
    static func resolve(_ model: String, bundle: String? = nil) throws -> Resolution {
        Resolution(
            model: model, bundle: bundle, registry: try ClusterDocumentsTests.registry(ClusterDocumentsTests.seeded))
    }

    @Test("the best bundle is named, with all that are compatible and the profiles")
    func found() throws {
        #expect(
            try Self.resolve("org/BOTH").body == [
                "model": "org/BOTH", "resolved_bundle": "default", "compatible_bundles": ["default", "sglang"],
                "profiles": ["default", "fast"],
            ])
        #expect(try Self.resolve("org/both:fast").status == 200)
        #expect(try Self.resolve("org/both", bundle: "").body["resolved_bundle"] == "default")
    }

    @Test("a bundle is taken from the field or from in front of the model, which wins")
    func override() throws {
        #expect(try Self.resolve("org/both", bundle: "sglang").body["resolved_bundle"] == "sglang")
        #expect(try Self.resolve("sglang:/org/both", bundle: "default").body["resolved_bundle"] == "sglang")
        #expect(try Self.resolve("sglang:/org/both").body["model"] == "sglang:/org/both")
    }

    @Test("a bundle that cannot serve the model is a conflict that lists those that can")
    func conflict() throws {
        let resolution = try Self.resolve("BAAI/bge-m3", bundle: "sglang")
        #expect(resolution.status == 409)
        #expect(
            resolution.body == [
                "message":
                    #"Bundle 'sglang' does not support model 'BAAI/bge-m3'. Compatible bundles: ["default"]"#,
                "model": "BAAI/bge-m3", "bundle": "sglang", "compatible_bundles": ["default"],
            ])
        #expect(try Self.resolve("BAAI/bge-m3", bundle: "Default").status == 409, "bundles are exact")
    }

    @Test("unknown models, models without a bundle and what is no model are not found")
    func notFound() throws {
        for model in ["org/none", "org/orphan", "", "default:/", "a\u{0}b", "org/both:none"] {
            let resolution = try Self.resolve(model)
            #expect(resolution.status == 404, "\(model)")
            #expect(resolution.body["message"]?.stringValue?.hasPrefix("Model not found: ") == true)
        }
        #expect(
            Resolution(model: "m", bundle: nil, registry: .init()).body
                == ["message": "Model not found: m", "model": "m"], "no fallback without a catalogue")
    }
}
