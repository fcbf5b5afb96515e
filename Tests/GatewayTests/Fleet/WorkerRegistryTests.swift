import Gateway
import Testing
import Wire

@Suite("The worker registry")
struct WorkerRegistryTests {
    static let url = "http://10.0.0.7:8080"

    static func status(ready: Bool = true, _ change: (inout WorkerStatus) -> Void = { _ in }) -> WorkerStatus {
        var status = WorkerStatus()
        status.ready = ready
        status.name = "worker-l4-0"
        status.machineProfile = "l4"
        status.poolName = "l4"
        status.bundle = "default"
        change(&status)
        return status
    }

    @Test("a ready worker becomes healthy once; the next report moves only figures")
    func becomesHealthy() {
        var registry = WorkerRegistry()
        registry.add(url: Self.url)
        #expect(registry.worker(url: Self.url)?.state == .unknown)
        #expect(registry.report(Self.status(), from: Self.url, now: 0) == .becameHealthy(url: Self.url))
        #expect(registry.report(Self.status(), from: Self.url, now: 1) == .figures)
        #expect(registry.worker(url: Self.url)?.isHealthy == true)
    }

    @Test("a worker that was never ready stays unknown; one that stops being ready drains and gets no work")
    func notReady() {
        var registry = WorkerRegistry()
        #expect(registry.report(Self.status(ready: false), from: Self.url, now: 0) == .figures)
        #expect(registry.worker(url: Self.url)?.state == .unknown)
        #expect(registry.report(Self.status(), from: Self.url, now: 1) == .becameHealthy(url: Self.url))
        #expect(registry.lanes.isServed(pool: "l4"))
        #expect(registry.report(Self.status(ready: false), from: Self.url, now: 2) == .stoppedServing(url: Self.url))
        #expect(registry.worker(url: Self.url)?.state == .draining)
        #expect(registry.lanes.isEmpty)
        #expect(registry.report(Self.status(ready: false), from: Self.url, now: 3) == .figures)
        #expect(registry.worker(url: Self.url)?.state == .draining)
        #expect(registry.report(Self.status(), from: Self.url, now: 4) == .becameHealthy(url: Self.url))
    }

    @Test("silence for more than 15 s makes a worker unhealthy, its next report healthy again")
    func heartbeat() {
        var registry = WorkerRegistry()
        _ = registry.report(Self.status(), from: Self.url, now: 100)
        #expect(registry.sweep(now: 115) == [])
        #expect(registry.sweep(now: 115.1) == [.stoppedServing(url: Self.url)])
        #expect(registry.sweep(now: 200) == [])
        #expect(registry.worker(url: Self.url)?.state == .unhealthy)
        #expect(registry.report(Self.status(), from: Self.url, now: 201) == .becameHealthy(url: Self.url))
    }

    @Test("a draining worker that falls silent is unhealthy")
    func silentDrain() {
        var registry = WorkerRegistry()
        _ = registry.report(Self.status(), from: Self.url, now: 0)
        _ = registry.report(Self.status(ready: false), from: Self.url, now: 1)
        #expect(registry.sweep(now: 17) == [.figures])
        #expect(registry.worker(url: Self.url)?.state == .unhealthy)
    }

    @Test("a worker known by its reports alone is forgotten after long silence, one known by address never")
    func forgetting() {
        var announced = WorkerRegistry(forgetAfter: 300)
        _ = announced.report(Self.status(), from: Self.url, now: 0)
        _ = announced.sweep(now: 20)
        #expect(announced.sweep(now: 300) == [])
        #expect(announced.sweep(now: 300.5) == [.figures])
        #expect(announced.workers.isEmpty)
        var addressed = WorkerRegistry()
        addressed.add(url: Self.url)
        #expect(addressed.sweep(now: 1e9) == [])
        #expect(addressed.workers.count == 1)
    }

    @Test("a lost connection makes a known worker unhealthy and leaves an unknown one unknown")
    func connectionLost() {
        var registry = WorkerRegistry()
        #expect(registry.connectionLost(url: Self.url) == .none)
        #expect(registry.workers.isEmpty)
        _ = registry.report(Self.status(), from: Self.url, now: 0)
        #expect(registry.connectionLost(url: Self.url) == .stoppedServing(url: Self.url))
        #expect(registry.connectionLost(url: Self.url) == .none)
        #expect(registry.report(Self.status(ready: false), from: Self.url, now: 1) == .figures)
        #expect(registry.worker(url: Self.url)?.state == .unknown)
    }

    @Test("a removed worker serves no more, and adding a known one changes nothing")
    func removal() {
        var registry = WorkerRegistry()
        _ = registry.report(Self.status(), from: Self.url, now: 0)
        registry.add(url: Self.url)
        #expect(registry.worker(url: Self.url)?.isHealthy == true)
        #expect(registry.remove(url: Self.url) == .stoppedServing(url: Self.url))
        #expect(registry.remove(url: Self.url) == .none)
        #expect(registry.lanes.isEmpty)
    }

    @Test("what a message leaves out has the contract's defaults")
    func defaults() throws {
        var registry = WorkerRegistry()
        let empty = Array("{}".utf8).withUnsafeBytes { try? WorkerStatus(decodingJSON: $0) }
        _ = registry.report(try #require(empty), from: Self.url, now: 0)
        let worker = try #require(registry.worker(url: Self.url))
        #expect(worker.name == Self.url)
        #expect(worker.gpuCount == 1)
        #expect(worker.bundle == "default")
        #expect(worker.pool == "" && worker.machineProfile == "" && worker.bundleConfigHash == "")
        #expect(worker.loadedModels == [])
        #expect(worker.queueDepth == 0 && worker.memoryUsedBytes == 0 && worker.memoryTotalBytes == 0)
    }

    @Test("queue depth and memory are summed over models and devices; the compact fields count where those are empty")
    func figures() throws {
        func record(_ json: String) throws -> WorkerRecord {
            var registry = WorkerRegistry()
            let status = Array(json.utf8).withUnsafeBytes { try? WorkerStatus(decodingJSON: $0) }
            _ = registry.report(try #require(status), from: Self.url, now: 0)
            return try #require(registry.worker(url: Self.url))
        }
        let full = try record(
            #"{"models":[{"queue_depth":2},{"queue_depth":3}],"queue_depth":99,"#
                + #""gpus":[{"memory_used_bytes":10,"memory_total_bytes":20},{"memory_used_bytes":1}]}"#)
        #expect(full.queueDepth == 5)
        #expect(full.memoryUsedBytes == 11)
        #expect(full.memoryTotalBytes == 20)
        let compact = try record(
            #"{"models":[],"gpus":[],"queue_depth":7,"memory_used_bytes":8,"memory_total_bytes":null}"#)
        #expect(compact.queueDepth == 7)
        #expect(compact.memoryUsedBytes == 8)
        #expect(compact.memoryTotalBytes == 0)
    }

    @Test("a healthy worker that changes its bundle, pool, profile, hash or models is told of as a description")
    func descriptions() {
        let changes: [(inout WorkerStatus) -> Void] = [
            { $0.bundle = "other" }, { $0.poolName = "other" }, { $0.machineProfile = "a100" },
            { $0.bundleConfigHash = "f" }, { $0.loadedModels = ["m"] }, { $0.name = "n" }, { $0.gpuCount = 2 },
        ]
        for change in changes {
            var registry = WorkerRegistry()
            _ = registry.report(Self.status(), from: Self.url, now: 0)
            #expect(
                registry.report(Self.status(change), from: Self.url, now: 1) == .description(url: Self.url))
        }
    }

    static func status(_ change: (inout WorkerStatus) -> Void) -> WorkerStatus { status(ready: true, change) }

    @Test("lanes: exact profile, any profile, no match, and nothing of workers without a pool or health")
    func lanes() {
        var registry = WorkerRegistry()
        _ = registry.report(Self.status { $0.bundle = "Default" }, from: "http://a", now: 0)
        _ = registry.report(
            Self.status {
                $0.poolName = ""
                $0.machineProfile = "h100"
            }, from: "http://b", now: 0)
        _ = registry.report(Self.status(ready: false) { $0.machineProfile = "a100" }, from: "http://c", now: 0)
        let lanes = registry.lanes
        #expect(lanes.lane(bundle: "default", machineProfile: "L4")?.pool == "l4")
        #expect(lanes.lane(bundle: "DEFAULT", machineProfile: "")?.pool == "l4")
        #expect(lanes.lane(bundle: "default", machineProfile: "h100") == nil)
        #expect(lanes.lane(bundle: "default", machineProfile: "a100") == nil)
        #expect(lanes.lane(bundle: "other", machineProfile: "") == nil)
    }
}
