/// The pools of one gateway: who holds which, until when, and which workers belong to them.
///
/// A value-type state machine: it is fed requests, the fleet and the time, and says what happened. Every change ends with
/// a new assignment, so that no pool stays active whose workers are gone.
package struct PoolTable: Sendable {
    package enum Event: String, CaseIterable, Sendable {
        case created
        case renewed
        case deleted
        case expired
    }

    package enum Deletion: Equatable, Sendable {
        case deleted
        case unknown
        /// The default pool stays.
        case protected
        /// It belongs to another object of the cluster and goes with that.
        case managed
    }

    package enum Refusal: Error, Equatable, Sendable {
        /// There are as many pools as one gateway keeps.
        case full(maximum: Int)
        /// Objects of Kubernetes cannot bear the name.
        case unsuitableName
    }

    /// Pools come from callers, so there is a bound.
    package static let maximumCount = 1024
    package static let defaultName = "default"

    var pools: [String: Pool] = [:]
    /// Leases of shared pools, also of those that are not known yet.
    var leases: [String: PoolLease] = [:]
    private var workers: [Pool.Member] = []

    package init() {}

    /// All pools, oldest first.
    package var all: [Pool] {
        pools.values.sorted { ($0.createdAt, $0.name) < ($1.createdAt, $1.name) }
    }

    package subscript(name: String) -> Pool? { pools[name] }

    /// The pool that all configured machine profiles belong to. It asks for more than there will be.
    package mutating func addDefault(machineProfiles: [String], at now: Double) {
        let specification = PoolSpecification(
            name: Self.defaultName,
            requirements: machineProfiles.map { PoolSpecification.Requirement(machineProfile: $0, count: 999) })
        pools[Self.defaultName] = Pool(specification, createdAt: now)
        assign()
    }

    /// Makes a pool; one that is there already stays as it is and is renewed.
    package mutating func create(
        _ specification: PoolSpecification, at now: Double
    ) throws(Refusal) -> (pool: Pool, event: Event) {
        // One whose time is up must not come back with what its last holder asked for.
        _ = expire(at: now)
        if let pool = renew(specification.name, at: now) { return (pool, .renewed) }
        guard pools.count < Self.maximumCount else { throw .full(maximum: Self.maximumCount) }
        let pool = Pool(specification, createdAt: now)
        pools[pool.name] = pool
        assign()
        return (pools[pool.name] ?? pool, .created)
    }

    /// Lets a pool live on; nil where there is none of that name.
    package mutating func renew(_ name: String, at now: Double) -> Pool? {
        guard var pool = pools[name] else { return nil }
        // Clocks may step back; a lease does not.
        pool.lastRenewed = max(pool.lastRenewed, now)
        pools[name] = pool
        return pool
    }

    package mutating func delete(_ name: String) -> Deletion {
        guard name != Self.defaultName else { return .protected }
        guard pools.removeValue(forKey: name) != nil else { return .unknown }
        assign()
        return .deleted
    }

    /// Removes the pools that nobody renewed in time and returns their names.
    package mutating func expire(at now: Double) -> [String] {
        let expired = pools.values.filter { $0.isExpired(at: now) }.map(\.name).sorted()
        guard !expired.isEmpty else { return [] }
        for name in expired { pools[name] = nil }
        assign()
        return expired
    }

    /// These are the healthy workers now. Returns whether that changed anything.
    package mutating func observe(_ workers: some Sequence<WorkerRecord>) -> Bool {
        let members = workers.filter { !$0.pool.isEmpty }.map { worker in
            Pool.Member(
                name: worker.name, url: worker.url, machineProfile: worker.machineProfile, bundle: worker.bundle,
                queue: worker.pool)
        }
        guard members != self.workers else { return false }
        self.workers = members
        let before = pools
        assign()
        return pools != before
    }

    /// What routing needs to know of the pools.
    package var routing: PoolRouting { PoolRouting(all, missing: missing) }

    // MARK: Assignment

    /// Gives every worker to one pool at most: first each worker that was started for a pool to that pool, then others
    /// to pools that still lack some, the oldest pool first. What is left over belongs to the default pool.
    mutating func assign() {
        var free = workers
        for name in pools.keys { pools[name]?.members = [] }
        let held = all.map(\.name).filter { $0 != Self.defaultName }
        for name in held { give(to: name, from: &free) { $0.queue == name } }
        // The workers of one pool's own queue are of no use to another.
        let reserved = Set(held)
        for name in held + [Self.defaultName] { give(to: name, from: &free) { !reserved.contains($0.queue) } }
        for name in pools.keys {
            guard let pool = pools[name] else { continue }
            pools[name]?.state = Self.isComplete(pool) ? .active : .pending
        }
    }

    private mutating func give(
        to name: String, from free: inout [Pool.Member], where fits: (Pool.Member) -> Bool
    ) {
        guard var pool = pools[name] else { return }
        let specification = pool.specification
        free.removeAll { worker in
            guard fits(worker), specification.bundle.map({ $0 == worker.bundle }) ?? true else { return false }
            if specification.requirements.isEmpty {
                // Who asks for no profile gets what was started for the pool.
                guard worker.queue == name else { return false }
            } else {
                guard
                    let wanted = specification.requirements.first(where: {
                        $0.machineProfile.equalsIgnoringASCIICase(worker.machineProfile)
                    }), Self.count(wanted, in: pool) < wanted.count
                else { return false }
            }
            pool.members.append(worker)
            return true
        }
        pools[name] = pool
    }

    private static func count(_ requirement: PoolSpecification.Requirement, in pool: Pool) -> Int {
        pool.members.count { $0.machineProfile.equalsIgnoringASCIICase(requirement.machineProfile) }
    }

    private static func isComplete(_ pool: Pool) -> Bool {
        !pool.members.isEmpty && pool.members.count >= pool.specification.minimumWorkerCount
            && pool.specification.requirements.allSatisfy { count($0, in: pool) >= $0.count }
    }

    /// What pools lack, as a scaler looks for it: a pair for each machine profile of which a pool has too few.
    private var missing: [PendingDemand.Lane] {
        all.filter { !$0.isDefault }.flatMap { pool in
            pool.specification.requirements.filter { Self.count($0, in: pool) < $0.count }.map { requirement in
                PendingDemand.Lane(
                    machineProfile: requirement.machineProfile, bundle: pool.specification.bundle ?? "default")
            }
        }
    }
}
