import FoundationEssentials
import Logging
import Observability
import ServiceLifecycle
import Synchronization

/// Runs writers for as long as this process holds a Lease, which one process of several does: a service.
///
/// It waits for the lease, runs the writers, and keeps renewing the lease meanwhile. Where the lease is lost, the writers
/// are cancelled and ``run()`` throws ``LeaderElection/Loss``: ending the process is the surest way that nothing is written
/// any more. On a graceful shutdown the writers, which see it too, come to their end first; giving up the lease is the last
/// write.
public final class LeaderElector: Service {
    private struct State: Sendable {
        var election: LeaderElection
        /// As the server has it, for all that is known.
        var lease: Preserved<Lease>?
    }

    /// What a request has brought.
    private enum Answer: Sendable {
        case found(Preserved<Lease>?)
        case wrote(Preserved<Lease>)
    }

    private let leases: Resources<Preserved<Lease>>
    private let name: String
    private let identity: String
    private let timing: LeaderElection.Timing
    private let metrics: LeaderElectionMetrics?
    private let logger: Logger
    private let writers: @Sendable () async throws -> Void
    private let state: Mutex<State>
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - name: the Lease's, in `namespace`.
    ///   - identity: this process's alone, such as `<pod>_<uuid>`.
    ///   - writers: runs while this process leads; the service ends when it returns.
    public init(
        _ client: KubernetesClient, namespace: String, name: String, identity: String,
        timing: LeaderElection.Timing = .init(), metrics: LeaderElectionMetrics? = nil, logger: Logger,
        writers: @escaping @Sendable () async throws -> Void
    ) {
        leases = client.resources(Preserved<Lease>.self, in: namespace)
        self.name = name
        self.identity = identity
        self.timing = timing
        self.metrics = metrics
        self.logger = logger
        self.writers = writers
        state = Mutex(State(election: LeaderElection(identity: identity, timing: timing)))
        metrics?.status(name).set(false)
    }

    /// Whether this process may write. False at once where the lease is lost, before the writers have come to their end.
    public var isLeader: Bool { state.withLock { $0.election.isLeader } }

    /// Who holds the lease, as far as this process knows.
    public var holder: String? { state.withLock { $0.election.holder } }

    // MARK: Running

    public func run() async throws {
        let action = await cancelWhenGracefulShutdown { await self.waitForElection() }
        var failure: (any Error)?
        if isLeader {
            logger.info("This process leads", metadata: ["lease": .string(name), "identity": .string(identity)])
            do {
                try await lead(action)
            } catch {
                failure = error
            }
        }
        await release()
        guard let failure else { return }
        logger.error("This process leads no more", metadata: ["lease": .string(name), "error": "\(failure)"])
        throw failure
    }

    /// - Returns: what a leader does first.
    private func waitForElection() async -> LeaderElection.Action {
        var action = proceed()
        while !Task.isCancelled, !isLeader { action = await perform(action) }
        return action
    }

    private func lead(_ first: LeaderElection.Action) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.writers() }
            group.addTask {
                var action = first
                while !Task.isCancelled {
                    if case .resign(let loss) = action { throw loss }
                    action = await self.perform(action)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    // MARK: The conversation

    private var now: Duration { start.duration(to: .now) }
    private var time: MicroTime { MicroTime(secondsSince1970: Date.now.timeIntervalSince1970) }

    private func proceed() -> LeaderElection.Action {
        decide { election, _ in election.proceed(now: now, time: time) }
    }

    private func decide(
        _ body: (inout LeaderElection, inout SystemRandomNumberGenerator) -> LeaderElection.Action
    ) -> LeaderElection.Action {
        var generator = SystemRandomNumberGenerator()
        let (action, isLeader, slowRenewals) = state.withLock { state in
            let before = state.election.slowRenewals
            let action = body(&state.election, &generator)
            return (action, state.election.isLeader, state.election.slowRenewals - before)
        }
        metrics?.status(name).set(isLeader)
        if slowRenewals > 0 { metrics?.slowPath(name).increment(by: UInt64(slowRenewals)) }
        return action
    }

    /// Does what the election wants.
    /// - Returns: what it wants next.
    private func perform(_ action: LeaderElection.Action) async -> LeaderElection.Action {
        let leases = leases
        switch action {
        case .wait(let duration):
            try? await Task.sleep(for: duration)
            return proceed()
        case .resign: return action
        case .read: return await request { [name] in .found(try await leases.find(name)) }
        case .create(let spec):
            let lease = Lease(metadata: ObjectMeta(name: name), spec: spec)
            return await request { .wrote(try await leases.create(try Preserved(lease))) }
        case .update(let spec):
            guard var lease = state.withLock({ $0.lease }) else { return failed(.conflict) }
            lease.object.spec = spec
            let changed = lease
            return await request { .wrote(try await leases.update(changed)) }
        }
    }

    /// Sends a request that must be answered before a leader has to give up.
    private func request(_ send: @escaping @Sendable () async throws -> Answer) async -> LeaderElection.Action {
        let deadline = state.withLock { $0.election.deadline }
        let limit = deadline.map { $0 - now } ?? timing.renewDeadline
        do {
            guard let answer = try await withTimeLimit(limit, send) else { return failed(.other) }
            return answered(answer)
        } catch {
            let error = error as? KubernetesError
            let isConflict = error.map { $0.isConflict || $0.isAlreadyExists || $0.isNotFound } ?? false
            if let error, !isConflict, !error.isCancellation {
                logger.warning(
                    "The lease cannot be read or written",
                    metadata: ["lease": .string(name), "error": .string("\(error)")])
            }
            return failed(isConflict ? .conflict : .other)
        }
    }

    private func answered(_ answer: Answer) -> LeaderElection.Action {
        switch answer {
        case .found(let lease):
            state.withLock { $0.lease = lease }
            return decide { election, generator in
                election.found(
                    lease.map { $0.object.spec ?? Lease.Spec() }, now: now, time: time, using: &generator)
            }
        case .wrote(let lease):
            state.withLock { $0.lease = lease }
            return decide { election, generator in
                election.wrote(lease.object.spec ?? Lease.Spec(), now: now, using: &generator)
            }
        }
    }

    private func failed(_ failure: LeaderElection.Failure) -> LeaderElection.Action {
        decide { election, generator in election.failed(failure, now: now, using: &generator) }
    }

    /// Gives up the lease where this process holds it, be it by a write whose answer never came.
    private func release() async {
        defer {
            state.withLock { $0.election.retire() }
            metrics?.status(name).set(false)
        }
        guard !state.withLock({ $0.election.isLost }), !Task.isCancelled else { return }
        do {
            let (leases, name, identity, time) = (leases, name, identity, time)
            _ = try await withTimeLimit(.seconds(5)) {
                guard var lease = try await leases.find(name), let spec = lease.object.spec,
                    spec.holderIdentity == identity
                else { return }
                lease.object.spec = LeaderElection.released(spec, time: time)
                try await leases.update(lease)
            }
        } catch {
            logger.warning("The lease is not given up", metadata: ["lease": .string(name), "error": "\(error)"])
        }
    }
}
