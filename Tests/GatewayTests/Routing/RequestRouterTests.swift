import Catalog
import Gateway
import Testing
import Wire
import YAML

@Suite("Resolution")
struct RequestRouterTests {
    static func registry() throws -> Registry {
        var registry = Registry(bundles: [
            Bundle(id: "sglang", priority: .integer(20), adapters: ["sglang"]),
            Bundle(id: "default", priority: .integer(10), adapters: ["st"]),
        ])
        for text in [
            "{sie_id: BAAI/bge-m3, profiles: {default: {adapter_path: 'st:A'}, sparse: {adapter_path: 'sglang:B'}}}",
            "{sie_id: 'org/model:v2', profiles: {default: {adapter_path: 'st:A'}}}",
            "{sie_id: org/orphan, profiles: {default: {adapter_path: 'nowhere:A'}}}",
        ] {
            registry.insert(try ModelConfig(try YAMLNode(parsing: text)))
        }
        return registry
    }

    static let lanes = LaneTable(workers: [
        (bundle: "Default", lane: .init(pool: "l4", machineProfile: "L4")),
        (bundle: "default", lane: .init(pool: "a100", machineProfile: "a100")),
        (bundle: "sglang", lane: .init(pool: "eval", machineProfile: "l4")),
        (bundle: "default", lane: .init(pool: "", machineProfile: "cpu")),
    ])

    static func route(
        _ path: ModelPath, _ selection: LaneSelection = .init(), configured: [String] = [],
        registry: Registry? = nil, lanes: LaneTable = lanes
    ) throws -> Result<Route, RouteRefusal> {
        RequestRouter(registry: try registry ?? Self.registry(), lanes: lanes, configuredMachineProfiles: configured)
            .route(path, selection)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var model: String
        var bundle: String?
        var selection = LaneSelection()
        var configured: [String] = []
        var expected: Result<Route, RouteRefusal>
    }

    static func found(
        _ pool: String, bundle: String = "default", profileID: String = "default", gpu: String = "",
        served: Bool = true, demand: String? = nil
    ) -> Result<Route, RouteRefusal> {
        .success(
            Route(
                modelID: "BAAI/bge-m3", profileID: profileID, bundle: bundle, bundleConfigHash: hash(of: bundle),
                machineProfile: gpu, pool: pool, poolIsServed: served,
                unmetDemand: demand.map { .init(machineProfile: $0, bundle: bundle) }))
    }

    static func hash(of bundle: String) -> String {
        (try? registry())?.bundleConfigHash(of: bundle) ?? "no registry"
    }

    static func provisioning(_ gpu: String, bundle: String = "default", demand: String) -> Result<Route, RouteRefusal> {
        .failure(
            .provisioning(
                machineProfile: gpu, bundle: bundle, demand: .init(machineProfile: demand, bundle: bundle)))
    }

    static let cases: [Case] = [
        Case(testDescription: "no profile: the first lane by name", model: "BAAI/bge-m3", expected: found("a100")),
        Case(
            testDescription: "case is ignored and the canonical id published", model: "baai/BGE-M3",
            expected: found("a100")),
        Case(
            testDescription: "a profile in any case", model: "BAAI/bge-m3", selection: .init(machineProfile: "l4"),
            expected: found("l4", gpu: "l4")),
        Case(
            testDescription: "the configured spelling is used", model: "BAAI/bge-m3",
            selection: .init(machineProfile: "l4"), configured: ["L4"], expected: found("l4", gpu: "L4")),
        Case(
            testDescription: "an unmatched profile is provisioned, not served by another", model: "BAAI/bge-m3",
            selection: .init(machineProfile: "h100"), expected: provisioning("h100", demand: "h100")),
        Case(
            testDescription: "a profile outside the configured ones", model: "BAAI/bge-m3",
            selection: .init(machineProfile: "h100"), configured: ["l4"],
            expected: .failure(.machineProfileNotConfigured("h100", configured: ["l4"]))),
        Case(
            testDescription: "a pin wins, and demand is noted", model: "BAAI/bge-m3",
            selection: .init(machineProfile: "h100", pool: "mine"),
            expected: found("mine", gpu: "h100", served: false, demand: "h100")),
        Case(
            testDescription: "a pin with a matching profile notes no demand", model: "BAAI/bge-m3",
            selection: .init(machineProfile: "l4", pool: "l4"), expected: found("l4", gpu: "l4")),
        Case(
            testDescription: "a pin that would widen the subject", model: "BAAI/bge-m3", selection: .init(pool: "a.*"),
            expected: .failure(.invalidPool("a.*"))),
        Case(
            testDescription: "a bundle override", model: "BAAI/bge-m3", bundle: "sglang",
            expected: found("eval", bundle: "sglang")),
        Case(
            testDescription: "an incompatible override", model: "BAAI/bge-m3", bundle: "Default",
            expected: .failure(
                .incompatibleBundle("Default", model: "BAAI/bge-m3", compatible: ["default", "sglang"]))),
        Case(
            testDescription: "a profile suffix", model: "BAAI/bge-m3:sparse",
            expected: found("a100", profileID: "sparse")),
        Case(
            testDescription: "a profile suffix after @", model: "baai/bge-m3@sparse",
            expected: found("a100", profileID: "sparse")),
        Case(
            testDescription: "an unknown profile suffix", model: "BAAI/bge-m3:dense",
            expected: .failure(.unknownModel("BAAI/bge-m3:dense"))),
        Case(
            testDescription: "an id that looks like a suffix is an id", model: "org/model:v2",
            expected: .success(
                Route(modelID: "org/model:v2", bundle: "default", bundleConfigHash: hash(of: "default"), pool: "a100"))),
        Case(
            testDescription: "a model without a bundle", model: "org/orphan",
            expected: .failure(.modelWithoutBundle(model: "org/orphan"))),
        Case(testDescription: "an unknown model", model: "org/none", expected: .failure(.unknownModel("org/none"))),
    ]

    @Test("every outcome follows from the tables", arguments: cases)
    func resolves(_ row: Case) throws {
        let path = ModelPath(bundle: row.bundle, modelID: row.model)
        #expect(try Self.route(path, row.selection, configured: row.configured) == row.expected)
    }

    @Test("a model that names its tasks is asked for those alone; one that names none is asked for anything")
    func operations() throws {
        var registry = try Self.registry()
        for (id, tasks) in [
            ("dense", "{encode: {dense: {dim: 8}}}"), ("ranker", "{score: {}}"), ("finder", "{extract: {}}"),
        ] {
            registry.insert(
                try ModelConfig(
                    try YAMLNode(
                        parsing: "{sie_id: \(id), tasks: \(tasks), profiles: {default: {adapter_path: 'st:A'}}}")))
        }
        let router = RequestRouter(registry: registry, lanes: Self.lanes)
        let able: [String: Set<WorkItem.Operation>] = [
            "dense": [.encode], "ranker": [.score], "finder": [.extract],
            "BAAI/bge-m3": [.encode, .score, .extract],
        ]
        for (model, operations) in able {
            for operation in WorkItem.Operation.allCases {
                let result = router.route(ModelPath(bundle: nil, modelID: model), .init(), for: operation)
                if operations.contains(operation) {
                    #expect(throws: Never.self) { try result.get() }
                } else {
                    #expect(result == .failure(.unsupportedOperation(operation, model: model)))
                }
            }
        }
    }

    @Test("with no worker the caller is asked to come back, and demand names the first configured profile")
    func coldStart() throws {
        let path = ModelPath(bundle: nil, modelID: "BAAI/bge-m3")
        #expect(try Self.route(path, lanes: .init()) == Self.provisioning("", demand: ""))
        #expect(
            try Self.route(path, configured: ["l4", "a100"], lanes: .init()) == Self.provisioning("", demand: "l4"))
        #expect(
            try Self.route(
                path, lanes: LaneTable(workers: [(bundle: "other", lane: .init(pool: "p", machineProfile: ""))]))
                == Self.provisioning("", demand: ""))
    }

    @Test("before any configuration a model is unknown, unless the caller pins a pool")
    func emptyRegistry() throws {
        let path = ModelPath(bundle: nil, modelID: "any/model")
        #expect(try Self.route(path, registry: .init()) == .failure(.unknownModel("any/model")))
        #expect(
            try Self.route(path, .init(pool: "l4"), registry: .init())
                == .success(Route(modelID: "any/model", bundle: "default", pool: "l4")))
    }

    @Test("the pool named default is the default lane")
    func defaultLane() {
        let lanes = LaneTable(workers: [
            (bundle: "default", lane: .init(pool: "a", machineProfile: "cpu")),
            (bundle: "default", lane: .init(pool: "default", machineProfile: "cpu")),
        ])
        #expect(lanes.lane(bundle: "default", machineProfile: "")?.pool == "default")
        #expect(lanes.lane(bundle: "default", machineProfile: "CPU")?.pool == "default")
    }
}
