import Kubernetes
import Logging
import Synchronization

/// What a gateway still owes the cluster, because it could not be reached.
struct SharedPoolUpkeep: Sendable {
    /// Pools that were made here and are not stored.
    var unwritten: Set<String> = []
    /// Pools that were renewed here alone.
    var unrenewed: Set<String> = []
    /// Pools that are deleted here alone, with the time of that.
    var undeleted: [String: Double] = [:]
    /// Pools whose workers are others than the cluster was told, when last looked at.
    var unassigned: [String: PoolDocument] = [:]
    var isDefaultStored = false
}

/// Pools that all gateways share. The cluster has the truth; where it cannot be reached, this gateway goes on with what it
/// knows and catches up later.
extension PoolDirectory {
    // MARK: Routes

    func create(
        _ specification: PoolSpecification, in shared: SharedPools
    ) async throws(PoolTable.Refusal) -> (pool: Pool, event: PoolTable.Event) {
        let (name, now) = (specification.name, Self.now())
        guard PoolObjects.canBeNamed(name) else { throw .unsuitableName }
        if let known = local(name), !known.isExpired(at: now), await renew(name, in: shared) {
            return (local(name) ?? known, .renewed)
        }
        guard all.count < PoolTable.maximumCount else { throw .full(maximum: PoolTable.maximumCount) }
        upkeep.withLock { $0.undeleted[name] = nil }
        let fresh = Pool(specification, createdAt: now)
        do throws(KubernetesError) {
            // A second time where what is there had expired and goes now.
            for _ in 0..<2 {
                switch try await shared.create(fresh, now: now) {
                case .created(let stored):
                    take(stored)
                    return (local(name) ?? fresh, .created)
                case .existing(let stored):
                    guard case .alive = try await shared.settle(name, now: now) else { continue }
                    take(stored)
                    _ = await renew(name, in: shared)
                    return (local(name) ?? fresh, .renewed)
                }
            }
        } catch {
            warn("pool kept in this gateway until it can be stored", name, error)
        }
        upkeep.withLock { _ = $0.unwritten.insert(name) }
        update { $0.insert(fresh) }
        return (local(name) ?? fresh, .created)
    }

    func renew(_ name: String, in shared: SharedPools) async -> Bool {
        if local(name) == nil { await adopt(name) }
        guard let pool = local(name) else { return false }
        // Who manages a pool keeps it alive; the default pool lives anyway.
        if pool.isManaged || pool.isDefault { return true }
        note { table in
            _ = table.renew(name, at: Self.now())
            return false
        }
        guard !upkeep.withLock({ $0.unwritten.contains(name) }) else { return true }
        do throws(KubernetesError) {
            return try await storeRenewal(name, at: Self.now(), in: shared)
        } catch {
            warn("pool renewed in this gateway alone", name, error)
            upkeep.withLock { _ = $0.unrenewed.insert(name) }
            return true
        }
    }

    /// False where the pool is gone from the cluster, and so from here.
    private func storeRenewal(
        _ name: String, at time: Double, in shared: SharedPools
    ) async throws(KubernetesError) -> Bool {
        guard let stored = try await shared.renew(name, now: time) else {
            update { $0.remove(name) }
            return false
        }
        take(stored)
        return true
    }

    func delete(_ name: String, in shared: SharedPools) async -> PoolTable.Deletion {
        if name == PoolTable.defaultName { return .protected }
        if local(name) == nil { await adopt(name) }
        guard let pool = local(name) else { return .unknown }
        if pool.isManaged { return .managed }
        update { $0.remove(name) }
        upkeep.withLock { upkeep in
            upkeep.unwritten.remove(name)
            upkeep.unrenewed.remove(name)
            upkeep.undeleted[name] = Self.now()
        }
        await storeDeletion(name, in: shared)
        return .deleted
    }

    private func storeDeletion(_ name: String, in shared: SharedPools) async {
        do throws(KubernetesError) {
            try await shared.delete(name)
            upkeep.withLock { $0.undeleted[name] = nil }
        } catch {
            warn("pool deleted in this gateway alone", name, error)
        }
    }

    /// Takes over a pool that another gateway has just made, if there is one.
    @discardableResult
    func adopt(_ name: String) async -> Pool? {
        guard let shared, PoolObjects.canBeNamed(name), name != PoolTable.defaultName else { return nil }
        do throws(KubernetesError) {
            guard let stored = try await shared.find(name) else { return nil }
            take(stored)
        } catch {
            warn("pool not looked up", name, error)
        }
        return local(name)
    }

    // MARK: Changes in the cluster

    /// Takes a document that was just read or written: it is the truth.
    private func take(_ stored: StoredPool) {
        note { $0.apply(stored.document, isOwned: stored.isOwned, isAuthoritative: true) }
        upkeep.withLock { upkeep in
            upkeep.unwritten.remove(stored.document.name)
            upkeep.unrenewed.remove(stored.document.name)
        }
    }

    private func take(_ lease: PoolLease) {
        note { table in
            table.apply(lease)
            return false
        }
    }

    func receive(_ change: SharedPools.Change) {
        switch change {
        case .stored(let stored):
            let name = stored.document.name
            // What was deleted here is not brought back by what was written before.
            let deleted = upkeep.withLock { $0.undeleted[name] }
            guard deleted.map({ $0 < stored.document.createdAt }) ?? true else { return }
            note { $0.apply(stored.document, isOwned: stored.isOwned) }
        case .removed(let pool):
            guard !upkeep.withLock({ $0.unwritten.contains(pool) }) else { return }
            update { $0.remove(pool) }
        case .lease(let lease): take(lease)
        case .leaseRemoved(let pool):
            note { table in
                table.leaseRemoved(of: pool)
                return false
            }
        }
    }

    // MARK: Upkeep

    /// Catches up with the cluster, ends what nobody wants, and says who serves which pool.
    func tend(_ shared: SharedPools, every interval: Duration) async {
        repeat {
            let now = Self.now()
            do throws(KubernetesError) {
                try await catchUp(with: shared)
                for pool in all where pool.isExpired(at: now) { try await settle(pool.name, in: shared, now: now) }
                try await storeAssignments(in: shared)
                try await shared.removeOrphans(now: now)
            } catch {
                // Without an answer nothing ends: another gateway may have renewed it.
                logger.warning("pools not compared with the cluster", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: interval * Double.random(in: 0.8...1.2))) != nil
    }

    private func catchUp(with shared: SharedPools) async throws(KubernetesError) {
        let owed = upkeep.withLock { $0 }
        for name in owed.undeleted.keys { await storeDeletion(name, in: shared) }
        for name in owed.unwritten {
            guard let pool = local(name) else { continue }
            switch try await shared.create(pool, now: pool.lastRenewed) {
            case .created(let stored), .existing(let stored): take(stored)
            }
        }
        for name in owed.unrenewed {
            guard let pool = local(name) else { continue }
            _ = try await storeRenewal(name, at: pool.lastRenewed, in: shared)
        }
        if !owed.isDefaultStored, let pool = local(PoolTable.defaultName) {
            try await shared.saveDefault(pool)
            upkeep.withLock { $0.isDefaultStored = true }
        }
    }

    private func settle(_ name: String, in shared: SharedPools, now: Double) async throws(KubernetesError) {
        switch try await shared.settle(name, now: now) {
        case .ended:
            update { $0.remove(name) }
            tellExpired(name)
        case .alive(let stored, let lease):
            take(stored)
            if let lease { take(lease) }
        }
    }

    /// A picture that has lasted from one look to the next is worth telling.
    private func storeAssignments(in shared: SharedPools) async throws(KubernetesError) {
        var news: [String: PoolDocument] = [:]
        for pool in all where !pool.isDefault {
            guard var document = shared.known(pool.name)?.document, document.assign(pool) else { continue }
            news[pool.name] = document
            let before = upkeep.withLock { $0.unassigned[pool.name] }
            guard let before, before.state == document.state, before.workers == document.workers else { continue }
            try await shared.saveAssignment(pool)
        }
        upkeep.withLock { $0.unassigned = news }
    }

    private func warn(_ message: Logger.Message, _ pool: String, _ error: KubernetesError) {
        logger.warning(message, metadata: ["pool": "\(pool)", "error": "\(error)"])
    }
}
