import JSONStream
import Kubernetes
import Logging
import Synchronization

/// The pools of all gateways of a namespace: a ConfigMap and a Lease each, written so that whoever writes at the same time
/// is noticed, and watched, so that every gateway hears of every change (gateway contract 7.5, 7.6; Kubernetes contract
/// section 2).
package final class SharedPools: Sendable {
    /// Something that changed in the cluster.
    package enum Change: Sendable {
        case stored(StoredPool)
        case removed(pool: String)
        case lease(PoolLease)
        case leaseRemoved(pool: String)
    }

    package enum Creation: Sendable {
        case created(StoredPool)
        /// Somebody else had made it already.
        case existing(StoredPool)
    }

    /// What became of a pool that looked as if its time was up.
    package enum Expiry: Sendable {
        case ended
        /// Somebody wants it still: since when, and whether it is the operator that does.
        case alive(StoredPool, PoolLease?)
    }

    private struct Known: Sendable {
        var pools: [String: StoredPool] = [:]
        var leases: [String: PoolLease] = [:]
    }

    let configMaps: Resources<ConfigMap>
    let leases: Resources<Lease>
    let holder: String
    let logger: Logger
    private let known = Mutex(Known())

    /// - Parameter holder: this gateway's name in Leases, another one at each start.
    package init(client: KubernetesClient, namespace: String, holder: String, logger: Logger) {
        configMaps = client.resources(ConfigMap.self, in: namespace)
        leases = client.resources(Lease.self, in: namespace)
        self.holder = holder
        self.logger = logger
    }

    // MARK: Watching

    /// Tells of every pool that is there and of every change, until the task is cancelled.
    package func follow(_ tell: @escaping @Sendable (Change) -> Void) async {
        let options = PoolObjects.selection
        let maps = Informer(configMaps, options: .init(selection: options), logger: logger) { event in
            self.receive(event, tell)
        }
        let leases = Informer(leases, options: .init(selection: options), logger: logger) { event in
            self.receive(event, tell)
        }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await maps.run() }
            tasks.addTask { await leases.run() }
        }
    }

    private func receive(_ event: InformerEvent<ConfigMap>, _ tell: (Change) -> Void) {
        switch event {
        case .added(let map), .updated(_, let map):
            guard let stored = read(map) else { return }
            known.withLock { $0.pools[stored.document.name] = stored }
            tell(.stored(stored))
        case .deleted(let map, _):
            guard let pool = PoolObjects.pool(ofConfigMap: map.metadata) else { return }
            known.withLock { $0.pools[pool] = nil }
            tell(.removed(pool: pool))
        case .synced: break
        }
    }

    private func receive(_ event: InformerEvent<Lease>, _ tell: (Change) -> Void) {
        guard let object = event.object, let lease = PoolLease(object) else { return }
        if case .deleted = event {
            known.withLock { $0.leases[lease.pool] = nil }
            tell(.leaseRemoved(pool: lease.pool))
        } else {
            known.withLock { $0.leases[lease.pool] = lease }
            tell(.lease(lease))
        }
    }

    /// Nil, with a line in the log, where it holds no pool.
    private func read(_ map: ConfigMap) -> StoredPool? {
        do throws(PoolDocument.Malformed) {
            return try StoredPool(map)
        } catch {
            logger.warning(
                "a ConfigMap holds no pool",
                metadata: ["name": "\(map.metadata.name ?? "")", "reason": "\(error.description)"])
            return nil
        }
    }

    /// A pool as last heard of.
    package func known(_ pool: String) -> StoredPool? { known.withLock { $0.pools[pool] } }

    private func knownLease(_ pool: String) -> PoolLease? { known.withLock { $0.leases[pool] } }

    // MARK: Reading

    /// A pool as it is now; nil where there is none.
    package func find(_ pool: String) async throws(KubernetesError) -> StoredPool? {
        guard let map = try await configMaps.find(PoolObjects.configMapName(pool)) else { return nil }
        return try stored(map)
    }

    private func stored(_ map: ConfigMap) throws(KubernetesError) -> StoredPool {
        do throws(PoolDocument.Malformed) {
            return try StoredPool(map)
        } catch {
            throw .malformed(error.description, operation: "read the pool in \(map.metadata.name ?? "")")
        }
    }

    // MARK: Writing

    /// Makes a pool, unless it is there: of several gateways that make it at once, one does.
    package func create(_ pool: Pool, now: Double) async throws(KubernetesError) -> Creation {
        var options = WriteOptions()
        options.fieldManager = PoolObjects.manager
        let document = PoolDocument(pool)
        do throws(KubernetesError) {
            let made = try await configMaps.create(PoolObjects.configMap(document), options)
            try await renewLease(document, now: now)
            return .created(try stored(made))
        } catch {
            guard error.isAlreadyExists, let existing = try await find(pool.name) else { throw error }
            return .existing(existing)
        }
    }

    /// Writes the default pool, which needs no Lease and whose content every gateway makes from its own settings.
    package func saveDefault(_ pool: Pool) async throws(KubernetesError) {
        let document = PoolDocument(pool)
        if let stored = try await find(pool.name), stored.document.specification == document.specification { return }
        try await configMaps.apply(PoolObjects.configMap(document), manager: PoolObjects.manager, isForced: true)
    }

    /// Lets a pool live on: its ConfigMap first, then its Lease. Nil where it is gone.
    package func renew(_ pool: String, now: Double) async throws(KubernetesError) -> StoredPool? {
        let renewed = try await change(pool) { document in
            document.renew(at: now)
            return true
        }
        if let renewed { try await renewLease(renewed.document, now: now) }
        return renewed
    }

    /// Says which workers a pool has been given. Its time to live stays as it is.
    package func saveAssignment(_ pool: Pool) async throws(KubernetesError) {
        _ = try await change(pool.name) { $0.assign(pool) }
    }

    /// Changes a document as it is now; again from the beginning when somebody else was faster.
    private func change(
        _ pool: String, _ edit: (inout PoolDocument) -> Bool
    ) async throws(KubernetesError) -> StoredPool? {
        var backoff = ConflictBackoff()
        var generator = SystemRandomNumberGenerator()
        while let current = try await find(pool) {
            var document = current.document
            guard edit(&document) else { return current }
            var options = WriteOptions()
            options.fieldManager = PoolObjects.manager
            do throws(KubernetesError) {
                let map = try await configMaps.merge(
                    PoolObjects.configMapName(pool),
                    [
                        "metadata": ["resourceVersion": .string(current.resourceVersion ?? "")],
                        "data": [PoolObjects.documentKey: .string(document.text)],
                    ], options)
                return try stored(map)
            } catch {
                if error.isNotFound { return nil }
                guard error.isConflict, let delay = backoff.next(using: &generator),
                    (try? await Task.sleep(for: delay)) != nil
                else { throw error }
            }
        }
        return nil
    }

    private func renewLease(_ document: PoolDocument, now: Double) async throws(KubernetesError) {
        let lease = knownLease(document.name)
        guard lease?.isHeldByOperator != true else { return }
        try await leases.apply(
            PoolObjects.lease(
                document, holder: holder, acquiredAt: lease?.acquiredAt ?? document.createdAt, now: now),
            manager: PoolObjects.manager, isForced: true)
    }

    /// Deletes a pool's objects; those that are gone already are as good as deleted.
    package func delete(_ pool: String) async throws(KubernetesError) {
        try await Self.absent { () async throws(KubernetesError) in
            try await configMaps.delete(PoolObjects.configMapName(pool))
        }
        try await Self.absent { () async throws(KubernetesError) in
            try await leases.delete(PoolObjects.leaseName(pool))
        }
    }

    /// Ends a pool that nobody wants any more, after a look at what the cluster says now: another gateway may have renewed
    /// it. What is written between the look and the deletion wins.
    package func settle(_ pool: String, now: Double) async throws(KubernetesError) -> Expiry {
        let lease = try await leases.find(PoolObjects.leaseName(pool)).flatMap { PoolLease($0) }
        guard let stored = try await find(pool) else {
            if let lease { try await end(lease, now: now) }
            return .ended
        }
        guard !stored.isOwned, stored.document.isExpired(at: now), lease.map({ $0.isExpired(at: now) }) ?? true,
            lease?.isHeldByOperator != true
        else { return .alive(stored, lease) }
        do throws(KubernetesError) {
            try await configMaps.delete(
                PoolObjects.configMapName(pool), DeleteOptions(resourceVersion: stored.resourceVersion))
        } catch {
            if error.isConflict { return .alive(stored, lease) }
            guard error.isNotFound else { throw error }
        }
        if let lease { try await end(lease, now: now) }
        return .ended
    }

    /// Deletes the Leases whose time is up and that have no pool.
    package func removeOrphans(now: Double) async throws(KubernetesError) {
        let orphans = known.withLock { known in
            known.leases.values.filter { known.pools[$0.pool] == nil && $0.isExpired(at: now) }
        }
        for lease in orphans where try await find(lease.pool) == nil { try await end(lease, now: now) }
    }

    private func end(_ lease: PoolLease, now: Double) async throws(KubernetesError) {
        guard !lease.isOwned, !lease.isHeldByOperator, lease.isExpired(at: now) else { return }
        try await Self.absent { () async throws(KubernetesError) in
            do throws(KubernetesError) {
                try await leases.delete(
                    PoolObjects.leaseName(lease.pool), DeleteOptions(resourceVersion: lease.resourceVersion))
            } catch {
                // Somebody renewed it: it is no orphan.
                guard error.isConflict else { throw error }
            }
        }
    }

    private static func absent(_ delete: () async throws(KubernetesError) -> Void) async throws(KubernetesError) {
        do throws(KubernetesError) {
            try await delete()
        } catch {
            guard error.isNotFound else { throw error }
        }
    }
}
