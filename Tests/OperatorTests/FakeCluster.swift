import CurlClient
import JSONStream
import Kubernetes
import Logging
import Operator
import TestSupport
import Testing

/// What a reconciler under test works with: an API server that records its requests, and where it is asked for, the
/// gateway's replicas behind their Service in the namespace `n`.
final class FakeCluster: Sendable {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let kubernetes: FakeKubernetesAPIServer
    let curl: CurlClient
    /// Without a limit on requests, and without retries.
    let client: KubernetesClient
    let fleet: GatewayFleet
    let events: EventRecorder
    private let gatewayPort: Int?

    /// - Parameter gatewayPort: where the one replica is that there is at first; nil where there is no gateway.
    init(_ kubernetes: FakeKubernetesAPIServer, gatewayPort: Int? = nil) throws {
        self.kubernetes = kubernetes
        self.gatewayPort = gatewayPort
        if let gatewayPort { Self.putGateways(["gateway-0"], port: gatewayPort, on: kubernetes) }
        var options = KubernetesClient.Options()
        options.requestsPerSecond = 0
        options.retries.retries = 0
        curl = try CurlClient()
        client = KubernetesClient(
            ClusterConfiguration(server: kubernetes.url, proxy: .none), curl: curl, options: options)
        fleet = GatewayFleet(client, namespace: "n", service: "sie-gateway", logger: Self.logger)
        events = EventRecorder(client, controller: "c", instance: "i", logger: Self.logger)
    }

    /// Lets replicas stand behind the Service: at the same address, each a pod of its own. The server has no slices.
    static func putGateways(_ pods: [String], port: Int, on kubernetes: FakeKubernetesAPIServer) {
        let addresses = pods.map { pod -> JSONValue in
            ["ip": "127.0.0.1", "targetRef": ["name": .string(pod), "uid": .string(pod)]]
        }
        kubernetes.put(
            [
                "metadata": ["name": "sie-gateway"],
                "subsets": [
                    ["addresses": .array(addresses), "ports": [["name": "http", "port": .int(Int64(port))]]]
                ],
            ], in: "/api/v1/endpoints", namespace: "n")
    }

    /// Has other replicas from now on, and waits until they are known.
    func replaceGateways(_ pods: [String]) async throws {
        Self.putGateways(pods, port: try #require(gatewayPort), on: kubernetes)
        try await eventually("the replicas") { fleet.replicas.map(\.pod) == pods }
    }

    /// Follows the gateway's replicas around a test.
    func run(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.fleet.run() }
            defer { group.cancelAll() }
            try await eventually("the replica") { fleet.replicas.count == 1 }
            try await body()
        }
    }
}
