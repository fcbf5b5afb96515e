import Kubernetes
import Observability
import Operator
import TestSupport
import Testing

@Suite("The watch of the gateway's fleet", .timeLimit(.minutes(1)))
struct GatewayFleetWatchTests {
    @Test(
        "a watch that begins again is counted, wherever the replicas are found",
        arguments: [("endpointslices", "v1"), ("endpointslices", "v1beta1"), ("endpoints", nil)])
    func restarts(resource: String, version: String?) async throws {
        let kubernetes = try await FakeKubernetesAPIServer()
        if let version { kubernetes.offer([resource], in: "/apis/discovery.k8s.io/\(version)") }
        let metrics = OperatorMetrics()
        let fleet = GatewayFleet(
            try FakeCluster(kubernetes).client, namespace: "n", service: "sie-gateway",
            onRestart: { metrics.countRestart($0) }, logger: FakeCluster.logger)
        func restarts(_ reason: String) -> UInt64 { metrics.watchRestarts.with(resource, reason).value }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await fleet.run() }
            defer { group.cancelAll() }
            for (end, counts) in [(FakeKubernetesAPIServer.End.expired, [1, 0]), (.error, [1, 1])] as [(_, [UInt64])] {
                try await eventually("the watch") { fleet.isSynced && kubernetes.watchCount == 1 }
                kubernetes.endWatches(end)
                try await eventually("the restart") { ["expired", "failed"].map(restarts) == counts }
            }
        }
    }
}
