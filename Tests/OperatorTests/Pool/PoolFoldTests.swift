import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Gateways of a pool")
struct PoolFoldTests {
    private static let spec = PoolDocument.Spec(name: "a", gpus: ["l4": 2], ttlSeconds: 60, minimumWorkerCount: 1)
    private let now = Timestamp(secondsSince1970: Int64(PoolWorld.start))

    private func known(_ pod: String, active: Bool = false, workers: Int = 0, age: Int64 = 3600) -> PoolReport {
        PoolWorld.report(pod, .known(.init(spec: Self.spec, isActive: active, workers: workers)), age: age)
    }

    private func fold(_ reports: [PoolReport], wasVisible: Bool = false) -> PoolFold {
        PoolFold(reports, spec: Self.spec, wasVisible: wasVisible, now: now)
    }

    @Test("a pool is visible when every ready replica knows it as it is asked for")
    func visible() {
        let fold = fold([known("g0"), known("g1")])
        #expect(fold.isVisible && fold.gateways == .init(total: 2, seeing: 2))
        #expect(fold.message == "2 of 2 gateways know the pool a")
        #expect(!self.fold([]).isVisible)
    }

    @Test("each replica that does not is named, and why")
    func missing() {
        var old = Self.spec
        old.gpus = ["l4": 1]
        let cases: [(PoolReport.Answer, String)] = [
            (.unknownPool, "does not know it"), (.unauthorized(status: 403), "refuses the operator's token (403)"),
            (.unreachable(problem: "timed out"), "does not answer: timed out"),
            (.known(.init(spec: old)), "knows it as it was before"),
            (.known(.init(spec: nil)), "knows it as it was before"),
        ]
        for (answer, text) in cases {
            let fold = fold([known("g0"), PoolWorld.report("g1", answer)])
            #expect(!fold.isVisible && fold.gateways.seeing == 1)
            #expect(fold.message == "1 of 2 gateways know the pool a: g1 \(text)")
        }
    }

    @Test("a replica that has just come is given a minute; not where all of them are new, and not to a new pool")
    func grace() {
        let new = PoolWorld.report("g1", .unknownPool, age: 10)
        #expect(fold([known("g0"), new], wasVisible: true).isVisible)
        #expect(!fold([known("g0"), new], wasVisible: false).isVisible)
        #expect(!fold([new], wasVisible: true).isVisible)
        #expect(!fold([known("g0"), PoolWorld.report("g1", .unknownPool, age: 60)], wasVisible: true).isVisible)
    }

    @Test("a pool is active when every replica says so, and has the workers that each of them knows of")
    func workers() {
        let one = fold([known("g0", active: true, workers: 2), known("g1", workers: 1)])
        #expect(!one.isActive && one.workers == 1)
        let all = fold([known("g0", active: true, workers: 2), known("g1", active: true, workers: 3)])
        #expect(all.isActive && all.workers == 2)
        let none = fold([PoolWorld.report("g0", .unknownPool)])
        #expect(!none.isActive && none.workers == 0)
    }

    @Test("answers of gateways are read as they write them")
    func answers() throws {
        let text = """
            {"name":"a","spec":{"name":"a","bundle":null,"gpus":{"l4":2},"ttl_seconds":60,"minimum_worker_count":1},
             "status":{"state":"active","assigned_workers":[{"name":"w"},{"name":"v"}],"last_renewed":5.5}}
            """
        let answer = PoolReport.Answer(status: 200, body: try JSONReader.decode(text.utf8))
        #expect(answer == .known(.init(spec: Self.spec, isActive: true, workers: 2)))
        #expect(PoolReport.Answer(status: 404, body: .null) == .unknownPool)
        #expect(PoolReport.Answer(status: 401, body: .null) == .unauthorized(status: 401))
        let senseless: [(Int, JSONValue)] = [(200, .null), (200, ["spec": [:]]), (500, .null)]
        for (status, body) in senseless {
            guard case .unreachable = PoolReport.Answer(status: status, body: body) else {
                Issue.record("\(status) \(body)")
                continue
            }
        }
    }

    @Test("at no step of any pool's life does a tool take it for done before every gateway knows it")
    func neverEarly() throws {
        for seed in UInt64(0)..<200 {
            var generator = SeededGenerator(seed: seed)
            var world = PoolWorld { $0.minimumWorkerCount = Int.random(in: 0...2, using: &generator) }
            for _ in 0..<20 {
                let isKnown = Bool.random(using: &generator)
                world.workers = Int.random(in: 0...2, using: &generator)
                world.isActive = world.workers == 2
                world.reports =
                    isKnown ? nil : [PoolWorld.report("g0", .unknownPool), PoolWorld.report("g1", .unknownPool)]
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: world.faults = ["change ConfigMap": [.failed("no answer")]]
                case 1: world.faults = ["create Lease": [.failed("no answer")], "change Lease": [.conflict]]
                case 2: world.live.configMap = nil
                case 3: world.live.lease = nil
                case 4: world.edit { $0.suspend.toggle() }
                case 5: world.edit { $0.minimumWorkerCount = Int.random(in: 0...2, using: &generator) }
                case 6: world.now += 1000
                default: world.now += 100
                }
                try world.reconcile()
                let conditions = world.status.conditions
                #expect(conditions[.stalled] == nil || conditions[.reconciling] == nil, "seed \(seed)")
                if conditions[.ready]?.status == .false {
                    #expect(conditions[.stalled] != nil || conditions[.reconciling] != nil, "seed \(seed)")
                }
                if world.trace.contains("probe"), KStatus(of: try world.object()) == .current {
                    #expect(isKnown, "seed \(seed)")
                    #expect(world.document?.spec == PoolDocument.Spec(world.pool), "seed \(seed)")
                }
                world.faults = [:]
            }
        }
    }
}
