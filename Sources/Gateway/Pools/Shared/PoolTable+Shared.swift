/// What reaches the table from the cluster (gateway contract 7.6).
extension PoolTable {
    /// Adds a pool, or replaces it.
    mutating func insert(_ pool: Pool) {
        var pool = pool
        take(leases[pool.name], in: &pool)
        pools[pool.name] = pool
        assign()
    }

    /// Forgets a pool; never the default one.
    package mutating func remove(_ name: String) {
        guard name != Self.defaultName, pools.removeValue(forKey: name) != nil else { return }
        assign()
    }

    /// Takes over what somebody wrote. A watch may tell of old things late, so only what is strictly newer counts there.
    ///
    /// - Parameters:
    ///   - isOwned: whether another object owns the pool's objects.
    ///   - isAuthoritative: whether it was just read or written, so that it counts whatever its age.
    /// - Returns: whether more than its age changed, so that workers were given anew.
    @discardableResult
    package mutating func apply(_ document: PoolDocument, isOwned: Bool, isAuthoritative: Bool = false) -> Bool {
        guard document.name != Self.defaultName else { return false }
        guard var known = pools[document.name] else {
            guard pools.count < Self.maximumCount else { return false }
            insert(Pool(document, isOwned: isOwned))
            return true
        }
        known.isOwned = isOwned
        guard isAuthoritative || document.lastRenewed > known.lastRenewed else {
            pools[document.name] = known
            return false
        }
        // Renewals come all the time and move no worker.
        if known.specification == document.specification, known.createdAt == document.createdAt {
            known.lastRenewed = document.lastRenewed
            pools[document.name] = known
            return false
        }
        insert(Pool(document, isOwned: isOwned))
        return true
    }

    /// Takes note of a Lease, also of one whose pool is not known yet.
    package mutating func apply(_ lease: PoolLease) {
        leases[lease.pool] = lease
        if var pool = pools[lease.pool] {
            take(lease, in: &pool)
            pools[lease.pool] = pool
        }
    }

    package mutating func leaseRemoved(of name: String) {
        leases[name] = nil
        if var pool = pools[name] {
            take(nil, in: &pool)
            pools[name] = pool
        }
    }

    private func take(_ lease: PoolLease?, in pool: inout Pool) {
        pool.leaseRenewed = lease?.renewedAt
        pool.isHeldByOperator = lease?.isHeldByOperator ?? false
    }
}

extension Pool {
    fileprivate init(_ document: PoolDocument, isOwned: Bool) {
        self.init(document.specification, createdAt: document.createdAt)
        lastRenewed = document.lastRenewed
        self.isOwned = isOwned
    }
}
