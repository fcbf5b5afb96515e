import Kubernetes

/// Writes a pool's status from what was found.
package struct PoolStatusWriter: StatusWriter {
    typealias Reason = PoolReason

    /// After how long a pool that is not ready counts as stalled; the operator goes on.
    package static let deadlineSeconds: Int64 = 600

    private let pool: SIEPool
    private let now: Double
    var status: SIEPool.Status
    let hadOutcomeOfGeneration: Bool

    var generation: Int? { pool.metadata.generation }
    var reconcileRequest: String? { pool.metadata.annotations[SIEGroup.reconcileAtAnnotation] }
    var time: Timestamp { Self.timestamp(now) }
    var deadlineSeconds: Int64 { Self.deadlineSeconds }

    /// - Parameter now: in Unix seconds.
    package init(_ pool: SIEPool, now: Double) {
        self.pool = pool
        self.now = now
        status = pool.status ?? SIEPool.Status()
        hadOutcomeOfGeneration = pool.isObserved
    }

    /// The status before anything was done: nobody may take the pool for ready.
    package func begun() -> SIEPool.Status {
        written {
            let message = "looking for the pool's ConfigMap and Lease"
            $0.set(.ready, .unknown, .progressing, message)
            $0.wait(.progressing, message)
        }
    }

    /// The status of a pool that is left alone.
    package func suspended() -> SIEPool.Status {
        written {
            $0.leaveAlone()
            if $0.status.conditions[.leaseHeld] != nil {
                $0.set(.leaseHeld, .unknown, .suspended, "not renewed while the object is suspended")
            }
        }
    }

    /// The status of a spec that breaks a rule.
    package func invalid(_ issues: [SpecIssue]) -> SIEPool.Status {
        written { $0.stall(.invalidSpec, issues.map(\.description).joined(separator: "; ")) }
    }

    /// The status after a reconcile.
    package func outcome(_ findings: PoolFindings) -> SIEPool.Status {
        written { $0.record(findings) }
    }

    // MARK: Parts

    private mutating func record(_ findings: PoolFindings) {
        name()
        switch findings.objects {
        case .kept(let renewedAt):
            status.renewFailures = nil
            status.lastRenewTime = Self.timestamp(renewedAt)
            set(.published, .true, .synced, publishedMessage)
            set(.leaseHeld, .true, .renewed, leaseMessage)
            fold(findings)
        case .failing(let failure):
            status.renewFailures = (status.renewFailures ?? 0) + 1
            fail(failure)
        case .conflicting(let message):
            set(.published, .false, .conflictingOwner, message)
            stall(.conflictingOwner, message)
        case .refused:
            stall(.unknownProfile, findings.unknownProfiles ?? "")
        case .expired(let message): expire(message)
        }
    }

    private mutating func name() {
        guard let name = pool.poolName else { return }
        status.poolName = name
        status.configMapName = PoolObjects.configMapName(name)
        status.leaseName = PoolObjects.leaseName(name)
        status.selector = selector
    }

    /// The labels of the worker pods that may be given to the pool.
    private var selector: String? {
        guard let spec = pool.spec.value else { return nil }
        let prefix = "sie.superlinked.com"
        let profiles = spec.gpus.map(\.machineProfile).sorted().joined(separator: ",")
        let bundle = spec.bundle.map { ",\(prefix)/bundle=\($0)" } ?? ""
        return "\(prefix)/machine-profile in (\(profiles))\(bundle)"
    }

    private var leaseMessage: String {
        switch pool.spec.value?.renewal ?? .managed {
        case .managed: "the operator renews the Lease \(status.leaseName ?? "")"
        case .clientRenewed: "clients renew the Lease \(status.leaseName ?? "")"
        }
    }

    private mutating func fold(_ findings: PoolFindings) {
        guard let spec = pool.spec.value, let fold = findings.gateways else { return }
        let desired = spec.gpus.reduce(0) { $0 + min($1.count, 1_000_000) }
        // What is to be up without any traffic.
        let needed = spec.warmCapacity == .reserve ? desired : spec.minimumWorkerCount
        status.gateways = fold.gateways
        status.workers = SIEPool.Status.Workers(assigned: fold.workers, desired: desired)
        status.state = fold.isActive ? .active : .pending
        set(.visible, fold.isVisible ? .true : .false, fold.isVisible ? .allReplicas : .replicaMissing, fold.message)
        let workers = "\(fold.workers) of \(desired) workers"
        if fold.isActive {
            set(.workersAssigned, .true, .satisfied, workers)
        } else if fold.workers == 0, needed == 0 {
            set(.workersAssigned, .false, .scaledToZero, "\(workers); they come with the first requests")
        } else {
            set(.workersAssigned, .false, .insufficient, workers)
        }

        if let unknown = findings.unknownProfiles {
            stall(.unknownProfile, unknown)
        } else if !fold.isVisible {
            refuse(.notVisible, fold.message)
        } else if fold.isActive {
            become(.active, "\(fold.message); \(workers)")
        } else if fold.workers >= needed {
            become(.dormant, "\(fold.message); \(workers), as many as are asked for without traffic")
        } else {
            refuse(.workersMissing, "\(workers), at least \(needed) are asked for")
        }
    }

    /// What gateways were told counts until its time is up.
    private mutating func fail(_ failure: PoolFindings.Failure) {
        let reason: PoolReason
        switch failure.part {
        case .configMap:
            let published = status.conditions[.published]
            guard published?.isTrue == true, published?.observedGeneration == pool.metadata.generation else {
                // Gateways do not have what the object asks for.
                set(.published, .false, .apiError, failure.message)
                refuse(.progressing, failure.message)
                return
            }
            reason = .renewFailed
        case .lease(let why):
            reason = why
            set(.published, .true, .synced, publishedMessage)
        }
        let age = failure.renewedAt.map { now - $0 } ?? .infinity
        let hold = PoolRenewal(ttlSeconds: pool.spec.value?.ttlSeconds ?? 1200).hold(ageSeconds: age)
        let text = "\(failure.message) (\(status.renewFailures ?? 1) in a row)"
        switch hold {
        case .held where status.conditions.isTrue(.leaseHeld): break
        case .held, .uncertain: set(.leaseHeld, .unknown, reason, text)
        case .lost: set(.leaseHeld, .false, reason, text)
        }
        if hold == .lost {
            refuse(failure.renewedAt == nil ? .progressing : .leaseLost, text)
        } else if status.conditions[.ready]?.observedGeneration != pool.metadata.generation
            || !status.conditions.isTrue(.ready)
        {
            refuse(.progressing, text)
        }
    }

    private var publishedMessage: String { "the ConfigMap \(status.configMapName ?? "") is as gateways read it" }

    private mutating func expire(_ message: String) {
        status.state = .expired
        status.gateways = nil
        status.workers = SIEPool.Status.Workers(assigned: 0, desired: status.workers?.desired)
        status.renewFailures = nil
        set(.published, .false, .expired, message)
        set(.leaseHeld, .false, .expired, message)
        status.conditions.remove(.visible)
        status.conditions.remove(.workersAssigned)
        stall(.expired, message)
    }

    /// In whole seconds, and within what RFC 3339 can say, whatever a document said.
    private static func timestamp(_ seconds: Double) -> Timestamp {
        Timestamp(secondsSince1970: Int64(exactly: min(max(0, seconds), 253_402_300_799).rounded(.down)) ?? 0)
    }
}
