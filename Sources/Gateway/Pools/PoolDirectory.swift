import FoundationEssentials
import Logging
import Observability
import ServiceLifecycle
import Synchronization

/// Keeps the pools of this gateway: answers the routes, follows the fleet, ends what nobody renewed, and tells routing.
package final class PoolDirectory: Service {
    /// Machine profiles of the cluster; empty means that any may be asked for.
    package let configuredMachineProfiles: [String]

    private let table: Mutex<PoolTable>
    private let interval: Duration
    private let metrics: PoolMetrics
    private let logger: Logger
    private let fleet: @Sendable () -> WorkerSnapshot
    private let publish: @Sendable (PoolRouting) -> Void
    /// One look covers everything that has changed before it.
    private let looks: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// - Parameters:
    ///   - hasDefaultPool: whether the configured machine profiles form a pool of their own.
    ///   - interval: time between two looks for pools that nobody renewed.
    ///   - fleet: the fleet as last heard of.
    ///   - fleetChanges: yields when workers have come, changed or gone.
    ///   - publish: told what routing needs to know, after each change.
    package init(
        configuredMachineProfiles: [String], hasDefaultPool: Bool, interval: Duration = .seconds(5),
        metrics: PoolMetrics, logger: Logger, fleet: @escaping @Sendable () -> WorkerSnapshot,
        fleetChanges: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation),
        publish: @escaping @Sendable (PoolRouting) -> Void
    ) {
        self.configuredMachineProfiles = configuredMachineProfiles
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

    package func pool(named name: String) -> Pool? { table.withLock { $0[name] } }

    package func create(_ specification: PoolSpecification) throws(PoolTable.Refusal) -> Pool {
        let fleet = fleet()
        let result = table.withLock { table -> Result<(pool: Pool, event: PoolTable.Event), PoolTable.Refusal> in
            _ = table.observe(fleet.healthy)
            defer { publish(table.routing) }
            do throws(PoolTable.Refusal) {
                return .success(try table.create(specification, at: Self.now()))
            } catch {
                return .failure(error)
            }
        }
        let (pool, event) = try result.get()
        metrics.events.with(event.rawValue).increment()
        return pool
    }

    package func renew(_ name: String) -> Bool {
        guard table.withLock({ $0.renew(name, at: Self.now()) }) != nil else { return false }
        metrics.events.with(PoolTable.Event.renewed.rawValue).increment()
        return true
    }

    package func delete(_ name: String) -> PoolTable.Deletion {
        let deletion = table.withLock { table in
            defer { publish(table.routing) }
            return table.delete(name)
        }
        if deletion == .deleted { metrics.events.with(PoolTable.Event.deleted.rawValue).increment() }
        return deletion
    }

    // MARK: Fleet and time

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask {
                    while (try? await Task.sleep(for: self.interval)) != nil { self.looks.continuation.yield() }
                }
                for await _ in self.looks.stream { self.follow(self.fleet(), at: Self.now()) }
            }
        }
    }

    private func follow(_ fleet: WorkerSnapshot, at now: Double) {
        let expired = table.withLock { table in
            let expired = table.expire(at: now)
            // Under the lock, so that a later picture is never overtaken by an earlier one.
            if table.observe(fleet.healthy) || !expired.isEmpty { publish(table.routing) }
            return expired
        }
        for name in expired {
            metrics.events.with(PoolTable.Event.expired.rawValue).increment()
            logger.info("pool expired", metadata: ["pool": "\(name)"])
        }
    }

    private static func now() -> Double { Date().timeIntervalSince1970 }
}
