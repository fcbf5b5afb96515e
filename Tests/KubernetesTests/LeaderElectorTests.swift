import CurlClient
import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import Observability
import ServiceLifecycle
import TestSupport
import Testing

/// Contenders for a lease of a real API server.
@Suite(
    "Leader election on a real API server", .enabled(if: KubernetesAPIServer.isInstalled), .timeLimit(.minutes(2)))
struct LeaderElectorTests {
    private static let timing = LeaderElection.Timing(
        leaseDuration: .seconds(2), renewDeadline: .milliseconds(1200), retryPeriod: .milliseconds(300))

    /// One contender and what it writes.
    private final class Contender: Sendable {
        let elector: LeaderElector
        let registry = MetricsRegistry()
        /// Requests that arrive while it is cut off do not.
        let isWriting = NIOLockedValueBox(false)
        let stopped = NIOLockedValueBox<ContinuousClock.Instant?>(nil)
        let group: ServiceGroup

        init(_ identity: String, _ client: KubernetesClient, _ namespace: ClusterNamespace) {
            let isWriting = isWriting
            let stopped = stopped
            elector = LeaderElector(
                client, namespace: namespace.name, name: "operator", identity: identity, timing: timing,
                metrics: LeaderElectionMetrics(registry: registry), logger: ClusterNamespace.logger
            ) {
                isWriting.withLockedValue { $0 = true }
                // Until it is shut down or cancelled.
                try? await gracefulShutdown()
                isWriting.withLockedValue { $0 = false }
                stopped.withLockedValue { $0 = .now }
            }
            group = ServiceGroup(services: [elector], logger: ClusterNamespace.logger)
        }

        var status: String {
            String(decoding: registry.render(), as: UTF8.self).contains(
                #"leader_election_master_status{name="operator"} 1"#) ? "leads" : "follows"
        }
    }

    private func lease(_ namespace: ClusterNamespace) async throws -> Lease.Spec? {
        try await namespace.client().resources(Lease.self, in: namespace.name).find("operator")?.spec
    }

    @Test("one of two leads; shut down in good order it gives up the lease last, and the other leads at once")
    func handover() async throws {
        let namespace = try await ClusterNamespace()
        let writes = NIOLockedValueBox<[String]>([])
        let first = Contender(
            "first",
            try namespace.client { report in
                if report.method != "GET" { writes.withLockedValue { $0.append(report.method) } }
            }, namespace)
        let second = Contender("second", try namespace.client(), namespace)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await first.group.run() }
            try await eventually("the first leads") { first.isWriting.withLockedValue { $0 } }
            #expect(first.elector.isLeader && first.status == "leads")
            tasks.addTask { try await second.group.run() }
            try await eventually("the second knows") { second.elector.holder == "first" }
            try await eventually("renewals") { writes.withLockedValue { $0.count } > 3 }
            #expect(!second.isWriting.withLockedValue { $0 } && second.status == "follows")
            #expect(try await lease(namespace)?.leaseTransitions == 0)

            let shutdown = ContinuousClock.now
            await first.group.triggerGracefulShutdown()
            try await eventually("the second leads") { second.isWriting.withLockedValue { $0 } }
            // The lease was given up: nobody waited for its end.
            #expect(.now - shutdown < .seconds(2))
            #expect(first.stopped.withLockedValue { $0 } != nil)
            #expect(!first.elector.isLeader && first.status == "follows")
            #expect(writes.withLockedValue { $0 }.first == "POST")
            let spec = try await lease(namespace)
            #expect(spec?.holderIdentity == "second")
            #expect(spec?.leaseTransitions == 1)
            #expect(spec?.leaseDurationSeconds == 2)
            await second.group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        let released = try #require(try await lease(namespace))
        #expect(released.holderIdentity == nil)
        #expect(released.leaseDurationSeconds == 1)
        #expect(released.leaseTransitions == 1)
    }

    @Test("a leader that vanishes is followed once its lease has not changed for its time and two seconds more")
    func failover() async throws {
        let namespace = try await ClusterNamespace()
        let first = Contender("first", try namespace.client(), namespace)
        let second = Contender("second", try namespace.client(), namespace)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let vanishing = Task { try await first.elector.run() }
            try await eventually("the first leads") { first.isWriting.withLockedValue { $0 } }
            tasks.addTask { try await second.group.run() }
            try await eventually("the second knows") { second.elector.holder == "first" }
            vanishing.cancel()
            _ = await vanishing.result
            let gone = ContinuousClock.now
            #expect(try await lease(namespace)?.holderIdentity == "first")
            try await eventually("the second leads") { second.isWriting.withLockedValue { $0 } }
            let time = ContinuousClock.now - gone
            #expect(time > .seconds(1))
            #expect(time < .seconds(2 + 2))
            await second.group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test("a leader whose lease another takes stops its writers, and its service fails")
    func loss() async throws {
        let namespace = try await ClusterNamespace()
        let first = Contender("first", try namespace.client(), namespace)
        let running = Task { try await first.elector.run() }
        try await eventually("it leads") { first.isWriting.withLockedValue { $0 } }
        let leases = try namespace.client().resources(Lease.self, in: namespace.name)
        try await leases.merge("operator", ["spec": ["holderIdentity": "thief"]])
        let result = await running.result
        #expect(throws: LeaderElection.Loss.takenBy("thief")) { try result.get() }
        #expect(!first.isWriting.withLockedValue { $0 })
        #expect(!first.elector.isLeader && first.status == "follows")
        #expect(try await lease(namespace)?.holderIdentity == "thief")
    }

    @Test("a leader that the server answers no more stops its writers within the deadline, and its service fails")
    func silence() async throws {
        let server = try await FakeKubernetesAPIServer()
        var options = KubernetesClient.Options()
        options.retries.retries = 0
        options.requestsPerSecond = 0
        let client = KubernetesClient(
            ClusterConfiguration(server: server.url, proxy: .none), curl: try .init(), options: options)
        let isWriting = NIOLockedValueBox(false)
        let elector = LeaderElector(
            client, namespace: "n", name: "operator", identity: "a", timing: Self.timing,
            logger: ClusterNamespace.logger
        ) {
            isWriting.withLockedValue { $0 = true }
            try? await gracefulShutdown()
            isWriting.withLockedValue { $0 = false }
        }
        let running = Task { try await elector.run() }
        try await eventually("it leads") { isWriting.withLockedValue { $0 } }
        for _ in 0..<100 { server.fail(.silence) }
        let silent = ContinuousClock.now
        let result = await running.result
        #expect(throws: LeaderElection.Loss.notRenewed(within: .milliseconds(1200))) { try result.get() }
        #expect(.now - silent < .seconds(2))
        #expect(!isWriting.withLockedValue { $0 })
    }
}
