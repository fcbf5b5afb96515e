import Gateway
import Testing

@Suite("The table of pools")
struct PoolTableTests {
    static func specification(
        _ name: String, _ needs: [(String, Int)] = [("l4", 1)], bundle: String? = nil, seconds: Int? = nil,
        minimum: Int = 0
    ) -> PoolSpecification {
        PoolSpecification(
            name: name, bundle: bundle,
            requirements: needs.map { .init(machineProfile: $0.0, count: $0.1) }, timeToLiveSeconds: seconds,
            minimumWorkerCount: minimum)
    }

    static func observe(_ table: inout PoolTable, _ workers: PoolWorkersList) { _ = table.observe(workers.records) }

    /// Workers by name.
    struct PoolWorkersList: ExpressibleByArrayLiteral {
        let records: [WorkerRecord]

        init(arrayLiteral elements: (String, String, String)...) {
            records = PoolWorkers.records(
                elements.map { PoolWorkers.worker($0.0, profile: $0.1, queue: $0.2) })
        }
    }

    static func names(_ table: PoolTable, _ pool: String) -> [String]? { table[pool]?.members.map(\.name) }

    @Test("a new pool is pending; making it again renews it and changes nothing else")
    func create() throws {
        var table = PoolTable()
        let (pool, event) = try table.create(Self.specification("a", [("l4", 2)]), at: 100)
        #expect(event == .created)
        #expect(pool.state == .pending && pool.createdAt == 100 && pool.lastRenewed == 100)
        let (again, second) = try table.create(Self.specification("a", [("a100", 1)]), at: 150)
        #expect(second == .renewed)
        #expect(again.specification == pool.specification)
        #expect(again.createdAt == 100 && again.lastRenewed == 150)
        #expect(table.renew("a", at: 160)?.lastRenewed == 160)
        #expect(table.renew("a", at: 120)?.lastRenewed == 160, "a clock that steps back shortens no lease")
        #expect(table.renew("b", at: 160) == nil)
        #expect(table.delete("a") == .deleted)
        #expect(table.delete("a") == .unknown)
    }

    @Test("a pool ends when its own time is up, and its workers are free again")
    func expiry() throws {
        var table = PoolTable()
        _ = table.observe(PoolWorkers.records([PoolWorkers.worker("w")]))
        _ = try table.create(Self.specification("short", seconds: 10), at: 0)
        _ = try table.create(Self.specification("usual"), at: 1)
        #expect(Self.names(table, "short") == ["w"])
        #expect(Self.names(table, "usual") == [])
        #expect(table.expire(at: 10).isEmpty)
        #expect(table.expire(at: 10.5) == ["short"])
        #expect(Self.names(table, "usual") == ["w"])
        #expect(table.expire(at: 1201).isEmpty)
        #expect(table.expire(at: 1201.5) == ["usual"])
        _ = try table.create(Self.specification("short", [("l4", 1)], seconds: 10), at: 0)
        let (pool, event) = try table.create(Self.specification("short", [("l4", 5)]), at: 50)
        #expect(event == .created, "what has expired is not renewed, swept or not")
        #expect(pool.specification.requirements.first?.count == 5)
    }

    @Test("the default pool has every configured profile, stays, and takes what nobody holds")
    func defaultPool() throws {
        var table = PoolTable()
        table.addDefault(machineProfiles: ["l4", "a100"], at: 0)
        let pool = try #require(table["default"])
        #expect(pool.specification.requirements.map(\.count) == [999, 999])
        #expect(pool.specification.requirements.map(\.machineProfile) == ["l4", "a100"])
        #expect(table.delete("default") == .protected)
        #expect(table.expire(at: 1e12).isEmpty)
        _ = try table.create(Self.specification("a"), at: 0)
        Self.observe(&table, [("w1", "l4", "shared"), ("w2", "l4", "shared"), ("w3", "a100", "default")])
        #expect(Self.names(table, "a") == ["w1"])
        #expect(Self.names(table, "default") == ["w2", "w3"])
        #expect(table["default"]?.state == .pending)
    }

    @Test("a pool is active when every count and the minimum are met, and pending again when a worker goes")
    func assignment() throws {
        var table = PoolTable()
        _ = try table.create(Self.specification("a", [("L4", 2), ("a100", 1)]), at: 0)
        Self.observe(&table, [("w1", "l4", "q"), ("w2", "l4", "q"), ("w3", "l4", "q")])
        #expect(Self.names(table, "a") == ["w1", "w2"], "no more than it asked for")
        #expect(table["a"]?.state == .pending)
        Self.observe(&table, [("w1", "l4", "q"), ("w2", "l4", "q"), ("w4", "a100", "q")])
        #expect(table["a"]?.state == .active)
        #expect(table["a"]?.members.count == 3)
        Self.observe(&table, [("w2", "l4", "q"), ("w4", "a100", "q")])
        #expect(table["a"]?.state == .pending)
        _ = try table.create(Self.specification("b", [("a100", 1)], minimum: 2), at: 1)
        Self.observe(&table, [("w5", "a100", "b")])
        #expect(Self.names(table, "b") == ["w5"])
        #expect(table["b"]?.state == .pending, "the minimum counts as well")
        _ = try table.create(Self.specification("c", [("t4", 1)], minimum: 1), at: 2)
        Self.observe(&table, [("w6", "t4", "q")])
        #expect(table["c"]?.state == .active)
    }

    @Test("a worker belongs to one pool: its own before all, then the oldest that lacks it")
    func exclusive() throws {
        var table = PoolTable()
        _ = try table.create(Self.specification("old", [("l4", 2)]), at: 0)
        _ = try table.create(Self.specification("new", [("l4", 2)]), at: 1)
        Self.observe(&table, [("w1", "l4", "q"), ("w2", "l4", "new"), ("w3", "l4", "q"), ("w4", "l4", "q")])
        #expect(Self.names(table, "old") == ["w1", "w3"])
        #expect(Self.names(table, "new") == ["w2", "w4"])
        _ = table.delete("new")
        Self.observe(&table, [("w2", "l4", "new")])
        #expect(Self.names(table, "old") == ["w2"], "a queue that nobody holds is shared")
        _ = try table.create(Self.specification("new"), at: 2)
        #expect(Self.names(table, "old") == [])
        #expect(Self.names(table, "new") == ["w2"])
    }

    @Test("workers of another bundle, or without a queue, do not count")
    func bundles() throws {
        var table = PoolTable()
        _ = try table.create(Self.specification("a", bundle: "x"), at: 0)
        _ = table.observe(
            PoolWorkers.records([
                PoolWorkers.worker("w1"), PoolWorkers.worker("w2", queue: "", bundle: "x"),
                PoolWorkers.worker("w3", bundle: "x"), PoolWorkers.worker("w4", bundle: "x", ready: false),
            ]))
        #expect(Self.names(table, "a") == ["w3"])
    }

    @Test("what pools lack is told by machine profile and bundle, and not for the default pool")
    func missing() throws {
        var table = PoolTable()
        table.addDefault(machineProfiles: ["l4"], at: 0)
        #expect(table.routing.missing.isEmpty)
        _ = try table.create(Self.specification("a", [("l4", 1), ("a100", 1)]), at: 0)
        _ = try table.create(Self.specification("b", [("t4", 1)], bundle: "x"), at: 1)
        Self.observe(&table, [("w1", "l4", "q")])
        #expect(
            table.routing.missing == [
                .init(machineProfile: "a100", bundle: "default"), .init(machineProfile: "t4", bundle: "x"),
            ])
    }

    @Test("there is a bound on pools")
    func bound() throws {
        var table = PoolTable()
        for index in 0..<PoolTable.maximumCount { _ = try table.create(Self.specification("p\(index)"), at: 0) }
        let full = PoolTable.Refusal.full(maximum: PoolTable.maximumCount)
        #expect(throws: full) { _ = try table.create(Self.specification("more"), at: 0) }
        #expect(try table.create(Self.specification("p0"), at: 1).event == .renewed)
    }
}
