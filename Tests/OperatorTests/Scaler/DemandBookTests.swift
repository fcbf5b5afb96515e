import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Book of demand")
struct DemandBookTests {
    private let l4 = WorkerGroupName(bundle: "default", machineProfile: "l4")

    private func demand(pending: Bool = false, idle: Double = 0, depths: [String: Int] = [:]) -> GatewayDemand {
        GatewayDemand(
            pending: pending ? [.init(l4, idleSeconds: idle)] : [],
            workers: depths.sorted { $0.key < $1.key }.map { .init($0.key, l4, queueDepth: $0.value) })
    }

    /// A book that knows two replicas, both of which have answered.
    private func known(_ first: GatewayDemand? = nil, _ second: GatewayDemand? = nil) -> DemandBook {
        var book = DemandBook()
        book.follow(["a": "gateway-a", "b": "gateway-b"], now: 0)
        book.take(first ?? demand(), of: "a", now: 0)
        book.take(second ?? demand(), of: "b", now: 0)
        return book
    }

    /// Why nothing is said; nil where something is.
    private func problem(_ book: DemandBook, now: Double) -> DemandBook.Unknown? {
        do throws(DemandBook.Unknown) {
            _ = try book.signals(of: l4, now: now)
            return nil
        } catch {
            return error
        }
    }

    // MARK: What is known

    @Test("nothing is said until every replica has answered once")
    func start() throws {
        var book = DemandBook()
        #expect(problem(book, now: 0) == .noFullRound(missing: []))
        book.follow(["a": "gateway-a", "b": "gateway-b"], now: 0)
        book.take(demand(pending: true), of: "a", now: 0)
        #expect(problem(book, now: 1) == .noFullRound(missing: ["gateway-b"]))
        book.take(demand(), of: "b", now: 2)
        #expect(try book.signals(of: l4, now: 2).isPending)
    }

    @Test("without any replica nothing is known: an empty fleet is no silence")
    func noReplicas() {
        var book = known()
        book.follow([:], now: 1)
        #expect(book.isKnown(now: 1))
        book.tick(now: 302)
        #expect(!book.isKnown(now: 302))
    }

    @Test("a worker's queue counts once, as deep as any replica has seen it, and workers add up")
    func queues() throws {
        let book = known(demand(depths: ["w0": 3, "w1": 5]), demand(depths: ["w0": 4, "w2": 1]))
        #expect(try book.signals(of: l4, now: 1).queuedItems == 10)
        #expect(book.queuedItems(ofBundle: "Default", now: 1) == 10)
        #expect(book.queuedItems(ofBundle: "other", now: 1) == 0)
    }

    @Test("names are compared without case, as gateways do")
    func names() throws {
        let book = known(demand(pending: true))
        #expect(try book.signals(of: WorkerGroupName(bundle: "DEFAULT", machineProfile: "L4"), now: 1).isPending)
        #expect(try !book.signals(of: WorkerGroupName(bundle: "default", machineProfile: "cpu"), now: 1).isPending)
    }

    @Test("demand lasts two minutes after the last request, whichever replica had it")
    func pending() throws {
        var book = known(demand(pending: true, idle: 100))
        #expect(try book.signals(of: l4, now: 1).isPending)
        book.take(demand(), of: "b", now: 9)
        book.take(demand(pending: true, idle: 119), of: "a", now: 9)
        #expect(try book.signals(of: l4, now: 9).isPending)
        book.take(demand(pending: true, idle: 120), of: "a", now: 10)
        #expect(try !book.signals(of: l4, now: 10).isPending)
    }

    // MARK: Holding

    @Test("while a replica is silent nothing falls, and what rises is taken")
    func hold() throws {
        var book = known(demand(pending: true, depths: ["w0": 8]))
        // Replica b answers no more; a has less than before.
        book.take(demand(depths: ["w0": 1]), of: "a", now: 11)
        var signals = try book.signals(of: l4, now: 11)
        #expect(signals.isPending && signals.queuedItems == 8)
        book.take(demand(depths: ["w0": 20]), of: "a", now: 12)
        #expect(try book.signals(of: l4, now: 12).queuedItems == 20)
        // It is back: what is so counts.
        book.take(demand(), of: "b", now: 13)
        book.take(demand(depths: ["w0": 1]), of: "a", now: 13)
        signals = try book.signals(of: l4, now: 13)
        #expect(!signals.isPending && signals.queuedItems == 1)
    }

    @Test("what is held is held for five minutes; then nothing is known, and not zero")
    func stale() throws {
        var book = known(demand(pending: true))
        for second in stride(from: 1.0, through: 400, by: 1) { book.take(demand(), of: "a", now: second) }
        // Both were fresh until the tenth second.
        #expect(try book.signals(of: l4, now: 310).isPending == false)
        #expect(problem(book, now: 311) != nil)
        #expect(problem(book, now: 400) == .stale(seconds: 390, missing: ["gateway-b"]))
        book.take(demand(), of: "b", now: 401)
        #expect(try book.signals(of: l4, now: 401) == .init())
    }

    @Test("a replica that goes takes its demand along; one that comes is waited for")
    func fleet() throws {
        var book = known(demand(), demand(pending: true))
        book.follow(["a": "gateway-a"], now: 1)
        #expect(try !book.signals(of: l4, now: 1).isPending)
        // Not one of those that are followed.
        book.take(demand(pending: true), of: "b", now: 2)
        #expect(try !book.signals(of: l4, now: 2).isPending)
        book.follow(["a": "gateway-a", "c": "gateway-c"], now: 3)
        #expect(book.missing(now: 3) == ["gateway-c"])
        #expect(try !book.signals(of: l4, now: 3).isPending)
    }

    @Test("whatever is told in whichever order, signals never fall while some replica is silent")
    func monotone() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var book = known(demand(pending: generator.next() % 2 == 0, depths: ["w": Int(generator.next() % 50)]))
            var last = try book.signals(of: l4, now: 0)
            for second in 11..<60 {
                let depth = Int(generator.next() % 50)
                book.take(
                    demand(pending: generator.next() % 2 == 0, depths: ["w": depth]), of: "a", now: Double(second))
                let signals = try book.signals(of: l4, now: Double(second))
                #expect(signals.queuedItems >= last.queuedItems && (signals.isPending || !last.isPending))
                #expect(signals.queuedItems >= depth)
                last = signals
            }
        }
    }

    // MARK: Pools

    @Test("pools that reserve count each once, with the least number spread over their machines")
    func pools() throws {
        func pool(_ name: String, _ change: (inout SIEPool.Spec) -> Void = { _ in }) -> SIEPool {
            var spec = SIEPool.Spec(
                bundle: "default",
                gpus: [.init(machineProfile: "l4", count: 2), .init(machineProfile: "cpu", count: 4)],
                minimumWorkerCount: 3)
            change(&spec)
            return SIEPool(metadata: ObjectMeta(name: name), spec: spec)
        }
        let cpu = WorkerGroupName(bundle: "default", machineProfile: "cpu")
        let plain = PoolDemand([pool("a")], defaultBundle: nil)
        #expect(plain.leased.isEmpty && plain.floor == [l4: 2, cpu: 1])
        let reserved = PoolDemand(
            [pool("a") { $0.warmCapacity = .reserve }, pool("b") { $0.warmCapacity = .reserve }], defaultBundle: nil)
        #expect(reserved.leased == [l4: 4, cpu: 8])
        #expect(PoolDemand([pool("a") { $0.suspend = true }], defaultBundle: "default") == PoolDemand())
        let open = PoolDemand([pool("a") { $0.bundle = nil }], defaultBundle: "d")
        #expect(open.floor[WorkerGroupName(bundle: "d", machineProfile: "l4")] == 2)
        #expect(PoolDemand([pool("a") { $0.bundle = nil }], defaultBundle: nil) == PoolDemand())

        var book = known()
        book.take(reserved)
        let signals = try book.signals(of: l4, now: 1)
        #expect(signals.leased == 4 && signals.capacity == 4 && signals.isActive(queueDepthActivation: 100))
    }

    @Test("a group is wanted for demand, for capacity, or for a queue deeper than its threshold")
    func activation() {
        func isActive(_ signals: DemandBook.Signals) -> Bool { signals.isActive(queueDepthActivation: 2) }
        #expect(!isActive(.init()) && !isActive(.init(queuedItems: 2)) && isActive(.init(queuedItems: 3)))
        #expect(isActive(.init(isPending: true)) && isActive(.init(leased: 1)) && isActive(.init(floor: 1)))
        #expect(DemandBook.Signals(isPending: true, floor: 0).capacity == 1)
        #expect(DemandBook.Signals(isPending: true, leased: 5, floor: 2).capacity == 5)
    }

    // MARK: Documents

    @Test("a gateway's document is read as it writes it; what is none is none")
    func documents() throws {
        let text = #"""
            {"pending":[{"machine_profile":"L4","bundle":"default","age_seconds":3.5,"idle_seconds":0.25},{"bundle":"x"}],
             "workers":[{"name":"w0","url":"http://w0:8080","machine_profile":"l4","bundle":"default","pool":"default",
             "healthy":true,"queue_depth":7},{"name":"w1","machine_profile":"l4","bundle":"default","queue_depth":-1}]}
            """#
        let demand = try #require(GatewayDemand(try JSONReader.decode(Array(text.utf8))))
        #expect(demand.pending == [.init(l4, idleSeconds: 0.25)])
        #expect(demand.workers == [.init("w0", l4, queueDepth: 7), .init("w1", l4, queueDepth: 0)])
        for other in [#"{}"#, #"[]"#, #"{"pending":[]}"#, #"{"pending":{},"workers":[]}"#] {
            #expect(GatewayDemand(try JSONReader.decode(Array(other.utf8))) == nil)
        }
    }

    @Test("the metrics of a gateway of release 0.3.1 tell the same")
    func metrics() throws {
        let page = #"""
            # HELP sie_gateway_pending_demand Pending
            # TYPE sie_gateway_pending_demand gauge
            sie_gateway_pending_demand{machine_profile="L4",bundle="default"} 1
            sie_gateway_pending_demand{machine_profile="cpu",bundle="default"} 0
            sie_gateway_worker_queue_depth{worker="w\"0,}",machine_profile="l4",bundle="default"} 7 1790000000
            sie_gateway_worker_queue_depth{worker="w1",machine_profile="l4",bundle="default"} NaN
            sie_gateway_worker_queue_depth{worker="w2",machine_profile="l4"} 3
            sie_gateway_requests_total 12
            process_cpu_seconds_total 1.5
            """#
        let demand = try #require(GatewayDemand(metrics: page.utf8))
        #expect(demand.pending == [.init(l4)])
        #expect(demand.workers == [.init("w\"0,}", l4, queueDepth: 7)])
        #expect(GatewayDemand(metrics: "".utf8) == nil && GatewayDemand(metrics: "up 1\n".utf8) == nil)
        #expect(GatewayDemand(metrics: "sie_gateway_x 1".utf8) == GatewayDemand())
        // Cut anywhere, it says no more than it did.
        let bytes = Array(page.utf8)
        for length in 0..<bytes.count {
            guard let cut = GatewayDemand(metrics: bytes.prefix(length)) else { continue }
            #expect(cut.pending.count <= 1 && cut.workers.allSatisfy { $0.queueDepth <= 7 })
        }
    }
}
