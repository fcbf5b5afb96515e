import Catalog
import Gateway
import Testing
import Wire
import YAML

@Suite("The mirrored catalogue")
struct MirroredCatalogTests {
    typealias Export = ConfigServiceClient.Export

    static let bundles = [Bundle(id: "default", adapters: ["st"]), Bundle(id: "other", adapters: ["ce"])]

    static func model(_ id: String, _ text: String?) -> Export.Model {
        Export.Model(
            id: id,
            document: text.map { text in
                do throws(YAMLError) {
                    return .success(try YAMLNode(parsing: text))
                } catch {
                    return .failure(ConfigServiceClient.Failure(description: "\(error)"))
                }
            })
    }

    static func good(_ id: String) -> Export.Model {
        model(id, "{sie_id: \(id), profiles: {default: {adapter_path: 'st:A'}}}")
    }

    @Test("one bad model does not keep the others, the epoch or the bundles from being followed")
    func badModel() {
        var catalog = MirroredCatalog()
        let applied = catalog.apply(
            bundles: Self.bundles, bundlesHash: "h",
            export: Export(
                epoch: 7,
                models: [
                    Self.good("a"), Self.model("broken", "{["), Self.model("nameless", "{}"),
                    Self.model("empty", nil),
                    Self.model("alien", "{sie_id: alien, profiles: {default: {adapter_path: 'nowhere:A'}}}"),
                    Self.good("b"),
                ]))
        #expect(applied == 2)
        #expect(catalog.registry.modelIDs == ["a", "b"])
        #expect(catalog.rejections.map(\.model) == ["broken", "nameless", "alien"], "an entry without a body is none")
        #expect(catalog.sync.epoch == 7 && catalog.sync.bundlesHash == "h")
    }

    @Test("bundles are installed before models, and replaced as a set")
    func bundles() {
        var catalog = MirroredCatalog(registry: Registry(bundles: [Bundle(id: "seed", adapters: ["st"])]))
        catalog.apply(bundles: Self.bundles, bundlesHash: "1", export: Export(epoch: 1, models: [Self.good("a")]))
        #expect(catalog.registry.bundles.map(\.id) == ["default", "other"])
        #expect(catalog.registry.bundles(servingModel: "a") == ["default"])
        catalog.apply(bundles: [Self.bundles[1]], bundlesHash: "2", export: Export(epoch: 2, models: [Self.good("a")]))
        #expect(catalog.registry.bundles.map(\.id) == ["other"])
        #expect(catalog.registry.bundles(servingModel: "a") == [], "known, but served by nobody any more")
        #expect(catalog.registry.modelIDs == ["a"])
    }

    @Test("an older snapshot adds its models and leaves the epoch; an empty one is complete")
    func olderSnapshot() {
        var catalog = MirroredCatalog()
        catalog.apply(bundles: Self.bundles, bundlesHash: "1", export: Export(epoch: 9, models: []))
        let again = catalog.apply(
            bundles: Self.bundles, bundlesHash: "2", export: Export(epoch: 4, models: [Self.good("a")]))
        #expect(again == 1)
        #expect(catalog.sync.epoch == 9 && catalog.sync.bundlesHash == "2")
        #expect(
            catalog.apply(bundles: Self.bundles, bundlesHash: "2", export: Export(epoch: 9, models: [Self.good("a")]))
                == 0, "what is known already brings nothing new")
        #expect(catalog.rejections.isEmpty)
    }

    private static func path(of id: String, in catalog: MirroredCatalog) -> String? {
        catalog.registry.model(named: id)?.profile(named: "default")?.adapterPath
    }

    @Test("what the control plane has deleted or replaced goes with the next snapshot; seeds stay")
    func deletion() throws {
        var catalog = MirroredCatalog(
            registry: try Self.seeds(["{sie_id: seeded, profiles: {default: {adapter_path: 'st:A'}}}"]))
        catalog.apply(
            bundles: Self.bundles, bundlesHash: "h",
            export: Export(epoch: 3, models: [Self.good("a"), Self.good("b"), Self.good("c")]))
        let replaced = Self.model("b", "{sie_id: b, profiles: {default: {adapter_path: 'ce:B'}}}")
        let applied = catalog.apply(
            bundles: Self.bundles, bundlesHash: "h",
            export: Export(epoch: 5, models: [replaced, Self.model("c", "{[")]))
        #expect(applied == 1)
        #expect(catalog.registry.modelIDs == ["b", "c", "seeded"], "what is listed and unreadable is not deleted")
        #expect(Self.path(of: "b", in: catalog) == "ce:B")
        #expect(catalog.registry.bundles(servingModel: "b") == ["other"])
        #expect(catalog.rejections.map(\.model) == ["c"])
        catalog.replaceSeeds(try Self.seeds([]))
        #expect(catalog.registry.modelIDs == ["b", "c"])
    }

    @Test("a snapshot that is older than a delta deletes nothing that the delta brought")
    func overtakenSnapshot() {
        var catalog = MirroredCatalog()
        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 3, models: [Self.good("a")]))
        let delta = ConfigDelta(
            producerID: "sie-config", bundleID: "default", epoch: 4, bundleConfigHash: "x", modelID: "b",
            modelConfig: "{sie_id: b, profiles: {default: {adapter_path: 'st:B'}}}")
        #expect(catalog.apply(delta, trust: ProducerTrust(producers: [])).0 == .applied)
        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 3, models: [Self.good("a")]))
        #expect(catalog.registry.modelIDs == ["a", "b"])
    }

    @Test("a control plane that went back takes nothing away, neither then nor when its epochs have caught up")
    func wentBack() {
        var catalog = MirroredCatalog()
        catalog.apply(
            bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 5, models: [Self.good("a"), Self.good("b")]))
        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 1, models: [Self.good("a")]))
        catalog.rewind(to: 1)
        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 9, models: [Self.good("a")]))
        #expect(catalog.registry.modelIDs == ["a", "b"])
        catalog.apply(
            bundles: Self.bundles, bundlesHash: "h",
            export: Export(epoch: 10, models: [Self.good("a"), Self.good("b")])
        )
        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 11, models: [Self.good("a")]))
        #expect(catalog.registry.modelIDs == ["a"], "known to it again, it can be deleted")
    }

    static func seeds(_ models: [String]) throws -> Registry {
        var seeds = Registry(bundles: [Bundle(id: "seed", adapters: ["st"])])
        for text in models { seeds.insert(try ModelConfig(try YAMLNode(parsing: text))) }
        return seeds
    }

    @Test("seeds that change are followed, and take nothing away that the control plane said")
    func changedSeeds() throws {
        var catalog = MirroredCatalog(
            registry: try Self.seeds(["{sie_id: old, profiles: {default: {adapter_path: 'st:A'}}}"]))
        catalog.replaceSeeds(
            try Self.seeds(["{sie_id: new, profiles: {default: {adapter_path: 'st:A'}}}"]))
        #expect(catalog.registry.modelIDs == ["new"], "before the first snapshot the seeds are the catalogue")
        #expect(catalog.registry.bundles.map(\.id) == ["seed"])

        catalog.apply(bundles: Self.bundles, bundlesHash: "h", export: Export(epoch: 7, models: [Self.good("a")]))
        let delta = ConfigDelta(
            producerID: "sie-config", bundleID: "default", epoch: 8, bundleConfigHash: "x", modelID: "b",
            modelConfig: "{sie_id: b, profiles: {default: {adapter_path: 'st:B'}}}")
        #expect(catalog.apply(delta, trust: ProducerTrust(producers: [])).0 == .applied)
        catalog.replaceSeeds(
            try Self.seeds([
                "{sie_id: newer, profiles: {default: {adapter_path: 'st:A'}}}",
                "{sie_id: b, profiles: {default: {adapter_path: 'st:CONTRADICTS'}}}",
            ]))
        #expect(catalog.registry.modelIDs == ["a", "b", "newer"])
        #expect(catalog.registry.bundles.map(\.id) == ["default", "other"])
        #expect(catalog.registry.model(named: "b")?.profile(named: "default")?.adapterPath == "st:B")
        #expect(catalog.sync.epoch == 8 && catalog.sync.bundlesHash == "h")
    }
}
