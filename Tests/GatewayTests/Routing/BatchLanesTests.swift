import Gateway
import Testing
import Wire

@Suite("Which lanes take batches")
struct BatchLanesTests {
    typealias Worker = (bundle: String, pool: String, takesBatches: Bool)

    @Test("a lane takes them if all of its workers do, whatever the others are")
    func all() {
        let workers: [Worker] = [
            ("default", "a", true), ("Default", "a", true), ("default", "b", true), ("default", "b", false),
            ("other", "a", false),
        ]
        let lanes = BatchLanes(workers: workers)
        #expect(lanes.takers(bundle: "default", pool: "a") == 2)
        #expect(lanes.takers(bundle: "DEFAULT", pool: "a") == 2)
        #expect(lanes.takers(bundle: "default", pool: "b") == 0)
        #expect(lanes.takers(bundle: "other", pool: "a") == 0)
        #expect(lanes.takers(bundle: "default", pool: "c") == 0)
    }

    @Test("batches are abandoned when there are workers and none of them takes any")
    func abandoned() {
        let workers: [Worker] = [
            ("default", "a", false), ("default", "b", true), ("default", "b", false),
        ]
        let lanes = BatchLanes(workers: workers)
        #expect(lanes.areAbandoned(bundle: "default", pool: "a"))
        #expect(!lanes.areAbandoned(bundle: "default", pool: "b"))
        // Somebody may come back who takes them.
        #expect(!lanes.areAbandoned(bundle: "default", pool: "c"))
        #expect(!BatchLanes().areAbandoned(bundle: "default", pool: "a"))
    }

    @Test("what a worker says of batches is believed while it is healthy")
    func registry() {
        var registry = WorkerRegistry()
        let url = WorkerRegistryTests.url
        let able = WorkerRegistryTests.status { $0.capabilities = ["x", WorkerStatus.Capability.batchedItems] }
        #expect(registry.report(able, from: url, now: 0) == .becameHealthy(url: url))
        #expect(registry.lanes.batching.takers(bundle: "default", pool: "l4") == 1)
        #expect(registry.report(WorkerRegistryTests.status(), from: url, now: 1) == .description(url: url))
        #expect(registry.lanes.batching.areAbandoned(bundle: "default", pool: "l4"))
        #expect(registry.report(able, from: url, now: 2) == .description(url: url))
        #expect(registry.connectionLost(url: url) == .stoppedServing(url: url))
        #expect(registry.lanes.batching == BatchLanes())
    }
}
