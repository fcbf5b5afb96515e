import Gateway
import Testing
import Wire

@Suite("Resolution with pools")
struct PoolRoutingTests {
    /// Workers of a shared queue, of one held pool's own, and of one that nobody holds.
    static let workers = [
        PoolWorkers.worker("s1", profile: "l4", queue: "shared"),
        PoolWorkers.worker("h1", profile: "l4", queue: "held"),
        PoolWorkers.worker("h2", profile: "a100", queue: "held"),
    ]

    static func router(_ workers: [WorkerStatus] = workers, holding pools: [PoolSpecification]) throws
        -> RequestRouter
    {
        var table = PoolTable()
        for pool in pools { _ = try table.create(pool, at: 0) }
        let records = PoolWorkers.records(workers)
        _ = table.observe(records)
        let lanes = LaneTable(
            workers: records.map {
                (bundle: $0.bundle, lane: .init(pool: $0.pool, machineProfile: $0.machineProfile))
            })
        var router = RequestRouter(registry: try RequestRouterTests.registry(), lanes: lanes)
        router.pools = table.routing
        return router
    }

    static func route(
        _ router: RequestRouter, pool: String? = nil, profile: String = ""
    ) throws -> Result<Route, RouteRefusal> {
        router.route(try ModelPath(decoded: "BAAI/bge-m3"), LaneSelection(machineProfile: profile, pool: pool))
    }

    static func queue(_ router: RequestRouter, pool: String? = nil, profile: String = "") throws -> String? {
        try? route(router, pool: pool, profile: profile).get().pool
    }

    @Test("who asks for no pool is not served by one that somebody holds")
    func reserved() throws {
        let open = try Self.router(holding: [])
        #expect(try Self.queue(open) == "held", "nobody holds it, and it comes first by name")
        #expect(try Self.queue(open, profile: "a100") == "held")
        let held = try Self.router(holding: [PoolTableTests.specification("held", [("l4", 1), ("a100", 1)])])
        #expect(try Self.queue(held) == "shared")
        #expect(try Self.queue(held, profile: "l4") == "shared")
        #expect(
            try Self.route(held, profile: "a100")
                == .failure(
                    .provisioning(
                        machineProfile: "a100", bundle: "default",
                        demand: .init(machineProfile: "a100", bundle: "default"))))
        #expect(try Self.queue(held, pool: "held") == "held")
        #expect(try Self.queue(held, pool: "held", profile: "a100") == "held")
    }

    @Test("a pool without workers of its own is served through the queue of those it was given")
    func shared() throws {
        let router = try Self.router(holding: [PoolTableTests.specification("tenant")])
        #expect(try Self.queue(router, pool: "tenant") == "held")
        let workers = [PoolWorkers.worker("s1", profile: "l4", queue: "shared")]
        let only = try Self.router(workers, holding: [PoolTableTests.specification("tenant")])
        let route = try Self.route(only, pool: "tenant", profile: "L4").get()
        #expect(route.pool == "shared" && route.poolIsServed)
    }

    @Test("a pool that was given nothing is provisioned, under the profile it asks for")
    func provisioning() throws {
        let router = try Self.router([], holding: [PoolTableTests.specification("tenant", [("a100", 1)])])
        for (profile, demanded) in [("", "a100"), ("l4", "l4")] {
            #expect(
                try Self.route(router, pool: "tenant", profile: profile)
                    == .failure(
                        .provisioning(
                            machineProfile: profile, bundle: "default",
                            demand: .init(machineProfile: demanded, bundle: "default"))))
        }
        #expect(try Self.queue(router, pool: "unknown") == "unknown", "a pin nobody made goes where it says")
    }
}
