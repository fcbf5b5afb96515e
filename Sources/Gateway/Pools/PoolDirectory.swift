import FoundationEssentials
import Logging
import Observability
import ServiceLifecycle
import Synchronization

/// Keeps the pools: answers the routes, follows the fleet, ends what nobody renewed, and tells routing.
///
/// The pools live in this gateway's memory alone, or, with ``SharedPools``, in the cluster, where all gateways have them.
package final class PoolDirectory: Service {
    /// Machine profiles of the cluster; empty means that any may be asked for.
    package let configuredMachineProfiles: [String]

    let shared: SharedPools?
    let metrics: PoolMetrics
    let logger: Logger
    let upkeep = Mutex(SharedPoolUpkeep())
    private let table: Mutex<PoolTable>
    private let interval: Duration
    private let fleet: @Sendable () -> WorkerSnapshot
    private let publish: @Sendable (PoolRouting) -> Void
    /// One look covers everything that has changed before it.
    private let looks: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// - Parameters:
    ///   - hasDefaultPool: whether the configured machine profiles form a pool of their own.
    ///   - shared: where all gateways keep their pools; nil for pools of this gateway alone.
    ///   - interval: time between two looks for pools that nobody renewed.
    ///   - fleet: the fleet as last heard of.
    ///   - fleetChanges: yields when workers have come, changed or gone.
    ///   - publish: told what routing needs to know, after each change.
    package init(
        configuredMachineProfiles: [String], hasDefaultPool: Bool, shared: SharedPools? = nil,
        interval: Duration = .seconds(5), metrics: PoolMetrics, logger: Logger,
        fleet: @escaping @Sendable () -> WorkerSnapshot,
        fleetChanges: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation),
        publish: @escaping @Sendable (PoolRouting) -> Void
    ) {
        self.configuredMachineProfiles = configuredMachineProfiles
        self.shared = shared
        self.interval = interval
        self.metrics = metrics
        self.logger = logger
        self.fleet = fleet
        self.publish = publish
        var table = PoolTable()
        if hasDefaultPool, !configuredMachineProfiles.isEmpty {
            table.addDefault(machineProfiles: configuredMachineProfiles, at: Self.now())
        }
        self.table = Mutex(table)
        looks = fleetChanges
    }

    // MARK: Routes

    package var all: [Pool] { table.withLock { $0.all } }

    package func pool(named name: String) async -> Pool? {
        if let pool = local(name) { return pool }
        return await adopt(name)
    }

    package func create(_ specification: PoolSpecification) async throws(PoolTable.Refusal) -> Pool {
        let fleet = fleet()
        update { _ = $0.observe(fleet.healthy) }
        let made: (pool: Pool, event: PoolTable.Event)
        if let shared {
            made = try await create(specification, in: shared)
        } else {
            let result = update { table -> Result<(pool: Pool, event: PoolTable.Event), PoolTable.Refusal> in
                do throws(PoolTable.Refusal) {
                    return .success(try table.create(specification, at: Self.now()))
                } catch {
                    return .failure(error)
                }
            }
            made = try result.get()
        }
        count(made.event)
        return made.pool
    }

    package func renew(_ name: String) async -> Bool {
        let isThere =
            if let shared { await renew(name, in: shared) } else {
                table.withLock { $0.renew(name, at: Self.now()) } != nil
            }
        if isThere { count(.renewed) }
        return isThere
    }

    package func delete(_ name: String) async -> PoolTable.Deletion {
        let deletion = if let shared { await delete(name, in: shared) } else { update { $0.delete(name) } }
        if deletion == .deleted { count(.deleted) }
        return deletion
    }

    // MARK: The table

    func local(_ name: String) -> Pool? { table.withLock { $0[name] } }

    /// Changes the table and tells routing.
    func update<Result: Sendable>(_ change: (inout PoolTable) -> Result) -> Result {
        table.withLock { table in
            // Under the lock, so that a later picture is never overtaken by an earlier one.
            defer { publish(table.routing) }
            return change(&table)
        }
    }

    /// Changes what routing does not care about, such as times; tells it nevertheless when `change` says so.
    func note(_ change: (inout PoolTable) -> Bool) {
        table.withLock { table in
            if change(&table) { publish(table.routing) }
        }
    }

    func count(_ event: PoolTable.Event) { metrics.events.with(event.rawValue).increment() }

    /// In Unix seconds.
    static func now() -> Double { Date().timeIntervalSince1970 }

    // MARK: Fleet and time

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask {
                    while (try? await Task.sleep(for: self.interval)) != nil { self.looks.continuation.yield() }
                }
                if let shared = self.shared {
                    tasks.addTask { await shared.follow { self.receive($0) } }
                    tasks.addTask { await self.tend(shared, every: self.interval) }
                }
                for await _ in self.looks.stream { self.follow(self.fleet(), at: Self.now()) }
            }
        }
    }

    private func follow(_ fleet: WorkerSnapshot, at now: Double) {
        let expired = table.withLock { table in
            // Whether a shared pool is still wanted, the cluster says.
            let expired = shared == nil ? table.expire(at: now) : []
            if table.observe(fleet.healthy) || !expired.isEmpty { publish(table.routing) }
            return expired
        }
        for name in expired { tellExpired(name) }
    }

    func tellExpired(_ name: String) {
        count(.expired)
        logger.info("pool expired", metadata: ["pool": "\(name)"])
    }
}
