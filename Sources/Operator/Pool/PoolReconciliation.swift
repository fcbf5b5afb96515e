import JSONStream
import Kubernetes

/// One reconcile of a pool, as a conversation: whoever drives it does what an action asks for and says what came of it,
/// until the action is ``Action/finish(_:after:)``.
///
/// The ConfigMap is written before the Lease, both under the versions that they were read at; what somebody else has
/// changed meanwhile is read again (Kubernetes contract 2.4, 3.5).
package struct PoolReconciliation: Sendable {
    package enum Action: Sendable, Hashable {
        /// Write the status and say ``Event/written``. What follows must not happen before.
        case write(SIEPool.Status)
        /// Make the object stay when it is deleted, and say ``Event/written``.
        case addFinalizer
        /// Read the pool's objects as they are now; with the machine profiles that are known, where they are asked for.
        case read(pool: String, withProfiles: Bool)
        case writeConfigMap(PoolWrite<ConfigMap>)
        case writeLease(PoolWrite<Lease>)
        /// Wait after so many conflicts, then ``Event/waited``.
        case wait(conflicts: Int)
        /// Ask every ready replica of the gateway for the pool.
        case probe(pool: String)
        /// Delete what is given, at the versions given: a client may just have renewed it. What is gone is as good as
        /// deleted.
        case remove(LivePool)
        /// Delete the SIEPool itself, if it is still the same.
        case deleteObject
        /// Write the status unless it is the one that was read, and come back.
        case finish(SIEPool.Status, after: Return)
    }

    /// When a pool is to be looked at again, if nothing happens to it.
    package enum Return: Sendable, Hashable {
        /// Not before somebody changes the object.
        case never
        /// With the work queue's growing waits: something failed.
        case withBackoff
        /// Soon, with waits that grow up to half a minute, and at the next renewal at the latest: others have yet to act.
        case soon(atMostSeconds: Double)
        case afterSeconds(Double)
    }

    package enum Event: Sendable {
        case written
        /// - Parameters:
        ///   - now: when it was read, in Unix seconds.
        ///   - unchangedSeconds: for how long nobody has given a sign of wanting the pool, as far as this process has
        ///     watched and by a clock that does not jump.
        case live(LivePool, profiles: KnownProfiles?, now: Double, unchangedSeconds: Double)
        /// Somebody else was faster.
        case conflict
        /// The API server could not be asked, or says no.
        case failed(String)
        case waited
        case probed([PoolReport])
        case removed
    }

    /// What a driver must not do to a reconciliation.
    package struct UnexpectedEvent: Error, Sendable, CustomStringConvertible {
        package var description: String
    }

    /// What happened to the pool that people and metrics are told of.
    package enum Incident: Sendable, Hashable {
        /// What was there is gone, and was made anew: the name of the object.
        case recreated(String)
        /// A gateway held the Lease that the operator renews.
        case takenOver(holder: String)
        /// Clients have renewed the pool.
        case renewedByClient
    }

    /// Of what only a change can help.
    package static let stalledSeconds = 1800.0
    /// Of names that somebody else has: pools of clients go after a while.
    package static let conflictSeconds = 60.0
    /// How often a write is tried that meets newer versions.
    package static let attempts = 10

    private enum State {
        case begun
        case beginning
        case claiming
        case reading
        case publishing(LivePool, PoolDocument)
        case renewing(LivePool, PoolDocument, lease: PoolReason)
        case waiting
        case removing(message: String)
        case deleting
        case probing(PoolDocument.Spec, renewedAt: Double)
        case finished
    }

    private let pool: SIEPool
    private let holder: String
    private let jitter: Double
    private var now: Double
    private var unchangedSeconds = 0.0
    private var state = State.begun
    private var conflicts = 0
    private var unknownProfiles: String?
    /// What happened, in order.
    package private(set) var incidents: [Incident] = []
    /// When the pool was last renewed, in Unix seconds, as far as is known.
    package private(set) var renewedAt: Double?

    /// - Parameters:
    ///   - holder: this operator's name in Leases; begins with ``PoolObjects/holderPrefix``.
    ///   - jitter: from 0 to 1, how much earlier than it must the next renewal comes.
    ///   - now: in Unix seconds.
    package init(_ pool: SIEPool, holder: String, jitter: Double, now: Double) {
        self.pool = pool
        self.holder = holder
        self.jitter = jitter
        self.now = now
        renewedAt = pool.status?.lastRenewTime.map { Double($0.secondsSince1970) }
    }

    // MARK: Beginning

    /// The first action.
    package mutating func start() -> Action {
        guard !pool.isSuspended else { return finish(writer.suspended(), .never) }
        let issues = pool.issues()
        guard issues.isEmpty, pool.poolName != nil else {
            return finish(writer.invalid(issues), .afterSeconds(Self.stalledSeconds))
        }
        // Before anything goes out, nobody may take a new object for one that is done.
        guard pool.status?.conditions[.ready] != nil else {
            state = .beginning
            return .write(writer.begun())
        }
        return claim()
    }

    /// What follows from what came of the last action.
    package mutating func handle(_ event: Event) throws(UnexpectedEvent) -> Action {
        switch (state, event) {
        case (.beginning, .written): return claim()
        case (.claiming, .written), (.waiting, .waited): return read()
        case (.reading, .live(let live, let profiles, let now, let unchanged)):
            (self.now, unchangedSeconds) = (now, unchanged)
            return decide(live, profiles)
        case (.reading, .failed(let message)): return fail(.configMap, message)
        case (.publishing, .conflict), (.renewing, .conflict), (.removing, .conflict): return conflict()
        case (.publishing, .failed(let message)): return fail(.configMap, message)
        case (.publishing(let live, let document), .written):
            if live.configMap == nil, wasPublished { incidents.append(.recreated(PoolObjects.configMapName(name))) }
            return renew(live, document, isPublished: true)
        case (.renewing(_, _, let reason), .failed(let message)): return fail(.lease(reason), message)
        case (.renewing(let live, let document, _), .written):
            if live.lease == nil, wasHeld { incidents.append(.recreated(PoolObjects.leaseName(name))) }
            if let other = intruder(live) { incidents.append(.takenOver(holder: other)) }
            return probe(document.spec, renewedAt: document.lastRenewed)
        case (.removing(let message), .removed):
            guard pool.spec.value?.onExpire == .deleteResource else { return expired(message) }
            state = .deleting
            return .deleteObject
        case (.removing, .failed(let message)): return fail(.configMap, message)
        // The object is on its way out, and so is its status.
        case (.deleting, .written): return finish(pool.status ?? SIEPool.Status(), .never)
        case (.deleting, .failed(let message)): return fail(.configMap, message)
        case (.probing(let spec, let renewedAt), .probed(let reports)):
            return probed(reports, spec, renewedAt: renewedAt)
        default: throw UnexpectedEvent(description: "\(event) while \(state)")
        }
    }

    /// Before the first effect outside of the object.
    private mutating func claim() -> Action {
        guard !pool.metadata.finalizers.contains(SIEPool.finalizer) else { return read() }
        state = .claiming
        return .addFinalizer
    }

    private mutating func read() -> Action {
        state = .reading
        return .read(pool: name, withProfiles: !isPublishedAsIs)
    }

    // MARK: Deciding

    private mutating func decide(_ live: LivePool, _ profiles: KnownProfiles?) -> Action {
        guard let spec = pool.spec.value, let wanted = PoolDocument.Spec(pool) else {
            return finish(writer.invalid(pool.issues()), .afterSeconds(Self.stalledSeconds))
        }
        if let owner = stranger(live) {
            return finish(
                writer.outcome(PoolFindings(.conflicting(message: owner))), .afterSeconds(Self.conflictSeconds))
        }
        if let reason = expiry(live, spec) {
            state = .removing(message: reason)
            return .remove(mine(live))
        }
        if let profiles, case let unknown = profiles.unknown(in: spec), !unknown.isEmpty {
            unknownProfiles = "no machines of \(unknown.joined(separator: ", ")); there are \(profiles.list)"
            guard let known = live.document, isOurs(live) else {
                return finish(
                    writer.outcome(PoolFindings(.refused, unknownProfiles: unknownProfiles)),
                    .afterSeconds(Self.stalledSeconds))
            }
            // Who uses the pool as it was is not to lose it over a change that cannot be.
            return publish(live, known.spec)
        }
        return publish(live, wanted)
    }

    /// Who has the pool's names; nil for nobody else.
    private func stranger(_ live: LivePool) -> String? {
        for (metadata, kind) in [(live.configMap?.metadata, "ConfigMap"), (live.lease?.metadata, "Lease")] {
            guard let metadata else { continue }
            // Gateways make a Lease anew that they miss: one without an owner is whoever's the ConfigMap is.
            if kind == "Lease", metadata.controller == nil { continue }
            if case .foreign(let why) = PoolOwnership(of: metadata, for: pool, wasPublished: wasPublished) {
                return "the \(kind) \(metadata.name ?? "") cannot be taken: \(why)"
            }
        }
        return nil
    }

    private func isOurs(_ live: LivePool) -> Bool {
        live.configMap.map { PoolOwnership(of: $0.metadata, for: pool, wasPublished: wasPublished) == .ours } ?? false
    }

    /// What is the operator's to take away.
    private func mine(_ live: LivePool) -> LivePool {
        func isOurs(_ metadata: ObjectMeta) -> Bool {
            PoolOwnership(of: metadata, for: pool, wasPublished: wasPublished) == .ours
        }
        return LivePool(
            configMap: live.configMap.flatMap { isOurs($0.metadata) ? $0 : nil },
            lease: live.lease.flatMap { isOurs($0.metadata) ? $0 : nil })
    }

    /// Why the pool's time is up; nil where it is not.
    private func expiry(_ live: LivePool, _ spec: SIEPool.Spec) -> String? {
        if let end = spec.expiresAt, now >= Double(end.secondsSince1970) { return "expiresAt has passed" }
        guard spec.renewal == .clientRenewed, pool.isObserved, wasPublished || isExpired else { return nil }
        let text = "no client renewed the pool within \(spec.ttlSeconds) s"
        // Who is asked to look again looks again.
        if isExpired { return pool.isReconcileRequested ? nil : text }
        guard let last = live.lastSign ?? renewedAt else { return nil }
        let ttl = Double(spec.ttlSeconds)
        // What gateways have ended was over by their clocks, too.
        guard live.configMap != nil else { return now - last > ttl ? text : nil }
        // Stamps are those of gateways, whose clocks may differ, and this clock may just have jumped: the time must have
        // passed before somebody's eyes as well.
        return now - last > ttl + PoolRenewal.largestSkewSeconds && unchangedSeconds >= ttl ? text : nil
    }

    // MARK: The two objects

    private mutating func publish(_ live: LivePool, _ wanted: PoolDocument.Spec) -> Action {
        let (document, write) = PoolPlan(pool, live, holder: holder, now: now).configMap(wanted)
        guard let write else { return renew(live, document, isPublished: false) }
        state = .publishing(live, document)
        return .writeConfigMap(write)
    }

    /// - Parameter isPublished: whether the ConfigMap has just been written.
    private mutating func renew(_ live: LivePool, _ document: PoolDocument, isPublished: Bool) -> Action {
        let isAnew = wasPublished && (live.configMap == nil || live.lease == nil)
        let plan = PoolPlan(pool, live, holder: holder, now: now)
        guard let write = plan.lease(isPublished: isPublished, isAnew: isAnew) else {
            let last = isManaged ? document.lastRenewed : max(document.lastRenewed, live.lastSign ?? 0)
            if !isManaged, let renewedAt, last >= renewedAt + 1 { incidents.append(.renewedByClient) }
            return probe(document.spec, renewedAt: last)
        }
        let reason: PoolReason = live.lease == nil ? .deleted : intruder(live) == nil ? .renewFailed : .takenOver
        state = .renewing(live, document, lease: reason)
        return .writeLease(write)
    }

    /// The gateway that holds a Lease that the operator had; nil where none does.
    private func intruder(_ live: LivePool) -> String? {
        guard isManaged, wasHeld, pool.isObserved, let other = live.holder, !live.isHeldByOperator else { return nil }
        return other
    }

    /// Reads again, unless that was tried often enough.
    private mutating func conflict() -> Action {
        conflicts += 1
        guard conflicts < Self.attempts else {
            return fail(.configMap, "the pool's objects change faster than they can be written")
        }
        state = .waiting
        return .wait(conflicts: conflicts)
    }

    // MARK: The gateways

    private mutating func probe(_ spec: PoolDocument.Spec, renewedAt: Double) -> Action {
        self.renewedAt = renewedAt
        state = .probing(spec, renewedAt: renewedAt)
        return .probe(pool: name)
    }

    private mutating func probed(
        _ reports: [PoolReport], _ spec: PoolDocument.Spec, renewedAt: Double
    ) -> Action {
        let fold = PoolFold(
            reports, spec: spec, wasVisible: pool.status?.conditions.isTrue(.visible) ?? false,
            now: Timestamp(secondsSince1970: Int64(exactly: now.rounded(.down)) ?? 0))
        let status = writer.outcome(
            PoolFindings(.kept(renewedAt: renewedAt), unknownProfiles: unknownProfiles, gateways: fold))
        let age = now - renewedAt
        let wait =
            isManaged
            ? renewal.waitSeconds(ageSeconds: age, jitter: jitter)
            // Until somebody may have to end it.
            : min(
                renewal.intervalSeconds,
                max(
                    1, renewal.ttlSeconds + PoolRenewal.largestSkewSeconds + 1 - age,
                    renewal.ttlSeconds - unchangedSeconds))
        let end = pool.spec.value?.expiresAt.map { max(1, Double($0.secondsSince1970) - now) } ?? .infinity
        let next = min(wait, end)
        return finish(status, status.conditions.isTrue(.ready) ? .afterSeconds(next) : .soon(atMostSeconds: next))
    }

    // MARK: Endings

    private mutating func expired(_ message: String) -> Action {
        finish(writer.outcome(PoolFindings(.expired(message: message))), .never)
    }

    private mutating func fail(_ part: PoolFindings.Failure.Part, _ message: String) -> Action {
        let failure = PoolFindings.Failure(part, message: message, renewedAt: renewedAt)
        return finish(writer.outcome(PoolFindings(.failing(failure))), .withBackoff)
    }

    private mutating func finish(_ status: SIEPool.Status, _ after: Return) -> Action {
        state = .finished
        return .finish(status, after: after)
    }

    // MARK: What was so

    private var name: String { pool.poolName ?? "" }
    private var isManaged: Bool { pool.spec.value?.renewal != .clientRenewed }
    private var renewal: PoolRenewal { PoolRenewal(ttlSeconds: pool.spec.value?.ttlSeconds ?? 1200) }
    private var wasPublished: Bool { pool.status?.conditions.isTrue(.published) ?? false }
    private var wasHeld: Bool { pool.status?.conditions.isTrue(.leaseHeld) ?? false }
    private var isExpired: Bool { pool.status?.state == .expired }
    /// Whether gateways were given what the spec asks for now, and nobody found fault with it.
    private var isPublishedAsIs: Bool {
        guard let published = pool.status?.conditions[.published], published.isTrue else { return false }
        return published.observedGeneration == pool.metadata.generation
            && pool.status?.conditions[.stalled]?.reason != PoolReason.unknownProfile.rawValue
    }
    private var writer: PoolStatusWriter { PoolStatusWriter(pool, now: now) }
}
