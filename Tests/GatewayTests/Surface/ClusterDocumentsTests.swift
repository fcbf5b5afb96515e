import Catalog
import Gateway
import JSONStream
import NIOCore
import Testing
import Wire
import YAML

@Suite("The documents of the status routes")
struct ClusterDocumentsTests {
    static func registry(_ models: [String]) throws -> Registry {
        var registry = Registry(bundles: [
            Bundle(id: "sglang", priority: .integer(20), adapters: ["sglang"]),
            Bundle(id: "default", priority: .integer(10), adapters: ["st", "ce"]),
        ])
        for text in models { registry.insert(try ModelConfig(try YAMLNode(parsing: text))) }
        return registry
    }

    static let seeded = [
        """
        {sie_id: BAAI/bge-m3, max_sequence_length: 512, tasks: {encode: {dense: {dim: 8}}},
         profiles: {sparse: {adapter_path: 'st:A'}, default: {adapter_path: 'st:A'}}}
        """,
        "{sie_id: org/both, profiles: {default: {adapter_path: 'st:A'}, fast: {adapter_path: 'sglang:B'}}}",
        "{sie_id: org/orphan, profiles: {default: {adapter_path: 'nowhere:A'}}}",
    ]

    struct Worker {
        var name: String
        var ready = true
        var bundle = "default"
        var hash = ""
        var models: [String] = []
    }

    static func documents(_ models: [String] = seeded, _ workers: [Worker] = []) throws -> ClusterDocuments {
        var fleet = WorkerRegistry()
        for worker in workers {
            var status = WorkerStatus()
            status.ready = worker.ready
            status.name = worker.name
            status.bundle = worker.bundle
            status.bundleConfigHash = worker.hash
            status.loadedModels = worker.models
            status.machineProfile = "l4"
            status.poolName = "l4"
            _ = fleet.report(status, from: "http://\(worker.name)", now: 0)
        }
        return ClusterDocuments(
            fleet: WorkerSnapshot(fleet.workers), registry: try registry(models), epoch: 42,
            configuredMachineProfiles: ["l4", "a100"], requestsPerSecond: 3.5)
    }

    @Test("readiness is ready with any number of workers")
    func readiness() throws {
        #expect(try Self.documents().readiness == ["status": "ready", "healthy_workers": 0])
        #expect(
            try Self.documents(Self.seeded, [Worker(name: "a")]).readiness == ["status": "ready", "healthy_workers": 1])
    }

    @Test("health says gateway, counts healthy workers at the top and under cluster, and lists all workers")
    func health() throws {
        let none = try Self.documents().health
        #expect(none["status"] == "degraded")
        #expect(none["type"] == "gateway")
        let health = try Self.documents(
            Self.seeded, [Worker(name: "a", models: ["BAAI/bge-m3"]), Worker(name: "b", ready: false)]
        ).health
        #expect(health["status"] == "healthy")
        #expect(health["configured_gpu_types"] == ["l4", "a100"])
        #expect(health["live_gpu_types"] == ["l4"])
        #expect(
            health["cluster"] == ["worker_count": 1, "gpu_count": 1, "models_loaded": 1, "total_qps": 3.5])
        #expect(health["worker_count"] == 1 && health["gpu_count"] == 1 && health["models_loaded"] == 1)
        #expect(health["workers"]?.arrayValue?.map { $0["healthy"] } == [true, false])
        #expect(
            health["models"] == [
                [
                    "name": "BAAI/bge-m3", "state": "loaded", "worker_count": 1, "gpu_types": ["l4"],
                    "total_queue_depth": 0,
                ]
            ])
    }

    @Test("a seeded model is listed and not loaded; a worker that has it makes it loaded, with its URL")
    func models() throws {
        let idle = try #require(try Self.documents().model("baai/BGE-M3"))
        #expect(idle["name"] == "baai/BGE-M3", "the caller's spelling")
        #expect(idle["bundles"] == ["default"])
        #expect(idle["loaded"] == false && idle["worker_count"] == 0 && idle["workers"] == [])
        #expect(idle["max_sequence_length"] == 512)
        let documents = try Self.documents(Self.seeded, [Worker(name: "a", models: ["BAAI/bge-m3"])])
        let live = try #require(documents.model("BAAI/bge-m3"))
        #expect(live["loaded"] == true && live["worker_count"] == 1 && live["workers"] == ["http://a"])
        #expect(
            documents.models["models"]?.arrayValue?.map { $0["name"] } == ["BAAI/bge-m3", "org/both", "org/orphan"])
        #expect(documents.models["data"]?.arrayValue?.first?["id"] == "BAAI/bge-m3")
        #expect(documents.models["data"]?.arrayValue?.first?["capabilities"] == ["dense"])
    }

    @Test("a gateway without a catalogue lists what its workers have, and knows nothing else")
    func withoutCatalogue() throws {
        let documents = try Self.documents([], [Worker(name: "a", models: ["org/loaded"])])
        let listed = try #require(documents.models["models"]?.arrayValue)
        #expect(listed.map { $0["name"] } == ["org/loaded"])
        #expect(listed.first?["bundles"] == [])
        #expect(documents.model("org/loaded")?["loaded"] == true)
        #expect(documents.model("does/not/exist") == nil)
    }

    @Test("configured models and bundles are sorted and say where they come from")
    func configuration() throws {
        let documents = try Self.documents(Self.seeded, [Worker(name: "a"), Worker(name: "b", bundle: "Default")])
        #expect(
            documents.configuredModels["models"]?.arrayValue?.first == [
                "model_id": "BAAI/bge-m3", "profiles": ["default", "sparse"], "source": "gateway-registry",
            ])
        #expect(
            documents.configuredBundles == [
                "bundles": [
                    [
                        "bundle_id": "default", "priority": 10, "adapter_count": 2, "source": "gateway-registry",
                        "connected_workers": 1,
                    ],
                    [
                        "bundle_id": "sglang", "priority": 20, "adapter_count": 1, "source": "gateway-registry",
                        "connected_workers": 0,
                    ],
                ]
            ])
    }

    @Test("a model's status: nobody eligible is not acknowledged; an equal hash is; a stale one is pending")
    func status() throws {
        let hash = try Self.registry(Self.seeded).bundleConfigHash(of: "default")
        func bundle(_ workers: [Worker]) throws -> (JSONValue, JSONValue) {
            let status = try #require(try Self.documents(Self.seeded, workers).status(ofModel: "baai/bge-m3"))
            return (status, try #require(status["bundles"]?.arrayValue?.first))
        }
        let (none, noWorker) = try bundle([])
        #expect(none["model_id"] == "BAAI/bge-m3" && none["config_epoch"] == 42 && none["no_bundles"] == false)
        #expect(none["all_bundles_acked"] == false)
        #expect(noWorker["total_eligible_workers"] == 0 && noWorker["acked"] == false)
        #expect(noWorker["expected_bundle_config_hash"] == .string(hash))
        let (acked, ackedBundle) = try bundle([Worker(name: "a", hash: hash)])
        #expect(acked["all_bundles_acked"] == true)
        #expect(ackedBundle["acked_workers"] == ["a"] && ackedBundle["pending_workers"] == [])
        let (mixed, mixedBundle) = try bundle([Worker(name: "a", hash: hash), Worker(name: "b", hash: "stale")])
        #expect(mixed["all_bundles_acked"] == false)
        #expect(mixedBundle["acked_workers"] == ["a"] && mixedBundle["pending_workers"] == ["b"])
        let (_, otherCase) = try bundle([Worker(name: "a", bundle: "Default", hash: hash)])
        #expect(otherCase["total_eligible_workers"] == 0)
    }

    @Test("a model is acknowledged only where all of its bundles are; one without bundles never is")
    func severalBundles() throws {
        let registry = try Self.registry(Self.seeded)
        let workers = [
            Worker(name: "a", hash: registry.bundleConfigHash(of: "default")),
            Worker(name: "b", bundle: "sglang", hash: registry.bundleConfigHash(of: "sglang")),
        ]
        #expect(try Self.documents(Self.seeded, workers).status(ofModel: "org/both")?["all_bundles_acked"] == true)
        #expect(
            try Self.documents(Self.seeded, [workers[0]]).status(ofModel: "org/both")?["all_bundles_acked"] == false)
        let orphan = try #require(try Self.documents(Self.seeded, workers).status(ofModel: "org/orphan"))
        #expect(orphan["no_bundles"] == true && orphan["all_bundles_acked"] == false && orphan["bundles"] == [])
        #expect(try Self.documents().status(ofModel: "org/none") == nil)
    }

    @Test("demand names the lanes that are missing and what waits on each worker")
    func demand() throws {
        let pending = PendingDemand.Pending(
            lane: .init(machineProfile: "l4", bundle: "default"), age: .milliseconds(1500), idle: .milliseconds(250))
        #expect(
            try Self.documents(Self.seeded, [Worker(name: "a")]).demand([pending]) == [
                "pending": [
                    ["machine_profile": "l4", "bundle": "default", "age_seconds": 1.5, "idle_seconds": 0.25]
                ],
                "workers": [
                    [
                        "name": "a", "url": "http://a", "machine_profile": "l4", "bundle": "default", "pool": "l4",
                        "healthy": true, "queue_depth": 0,
                    ]
                ],
            ])
    }

    @Test("throughput is what was answered since the last look, at most once a second")
    func rate() {
        var rate = RequestRate()
        #expect(rate.look(total: 100, now: 10) == 0)
        #expect(rate.look(total: 110, now: 10.5) == 0)
        #expect(rate.look(total: 120, now: 12) == 10)
        #expect(rate.look(total: 500, now: 12.9) == 10)
        #expect(rate.look(total: 120, now: 13) == 0)
    }
}
