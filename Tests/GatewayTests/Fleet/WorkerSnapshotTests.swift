import Gateway
import Testing
import Wire

@Suite("The picture of the fleet")
struct WorkerSnapshotTests {
    static func snapshot() -> WorkerSnapshot {
        var registry = WorkerRegistry()
        func report(_ url: String, ready: Bool = true, profile: String, models: [String], depth: Int, gpus: Int = 1) {
            var status = WorkerStatus()
            status.ready = ready
            status.name = url
            status.machineProfile = profile
            status.poolName = "p"
            status.loadedModels = models
            status.queueDepth = depth
            status.gpuCount = gpus
            _ = registry.report(status, from: url, now: 0)
        }
        report("http://a", profile: "l4", models: ["m1", "m2"], depth: 2)
        report("http://b", profile: "L4", models: ["m2", "m2"], depth: 3, gpus: 4)
        report("http://c", profile: "", models: ["m2"], depth: 1)
        report("http://d", ready: false, profile: "a100", models: ["m3"], depth: 100, gpus: 8)
        registry.add(url: "http://e")
        return WorkerSnapshot(registry.workers)
    }

    @Test("counts are those of healthy workers; the list holds all")
    func cluster() {
        let snapshot = Self.snapshot()
        #expect(snapshot.cluster == .init(workerCount: 3, gpuCount: 6, modelsLoaded: 2))
        #expect(snapshot.workers.map(\.url) == ["http://a", "http://b", "http://c", "http://d", "http://e"])
        #expect(snapshot.healthy.map(\.url) == ["http://a", "http://b", "http://c"])
        #expect(snapshot.liveMachineProfiles == ["l4", "L4"])
    }

    @Test("a model's figures are sums over the healthy workers that have it, each counted once")
    func models() {
        let snapshot = Self.snapshot()
        #expect(
            snapshot.models == [
                .init(name: "m1", workerURLs: ["http://a"], gpuTypes: ["l4"], totalQueueDepth: 2),
                .init(
                    name: "m2", workerURLs: ["http://a", "http://b", "http://c"], gpuTypes: ["l4", "L4"],
                    totalQueueDepth: 6),
            ])
        #expect(snapshot.workers(withModel: "m1") == ["http://a"])
        #expect(snapshot.workers(withModel: "M1") == [])
        #expect(snapshot.workers(withModel: "m3") == [])
    }

    @Test("a fleet without workers has nothing")
    func empty() {
        let snapshot = WorkerSnapshot([])
        #expect(snapshot.cluster == .init())
        #expect(snapshot.models.isEmpty && snapshot.liveMachineProfiles.isEmpty)
    }
}
