import CurlClient
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import Operator
import TestSupport
import Testing

@Suite(
    "The gateway's fleet on a real API server", .enabled(if: KubernetesAPIServer.isInstalled), .timeLimit(.minutes(2)))
struct GatewayFleetTests {
    /// A fleet with no more rights than these.
    private func follow(
        _ rules: [KubernetesAPIServer.Rule],
        _ body: (KubernetesAPIServer, String, GatewayFleet, NIOLockedValueBox<Int>) async throws -> Void
    ) async throws {
        let server = try await KubernetesAPIServer.shared
        let namespace = try await server.namespace()
        let token = try await server.serviceAccount("operator", in: namespace, rules: rules)
        var configuration = try ClusterConfiguration.load(
            kubeconfig: try server.kubeconfig(token: token, namespace: namespace), environment: [:])
        configuration.proxy = .none
        let changes = NIOLockedValueBox(0)
        let fleet = GatewayFleet(
            KubernetesClient(configuration, curl: try CurlClient()), namespace: namespace, service: "sie-gateway",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        fleet.listen { changes.withLockedValue { $0 += 1 } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await fleet.run() }
            defer { group.cancelAll() }
            try await eventually("everything that is there") { fleet.isSynced }
            #expect(fleet.replicas == [])
            #expect(changes.withLockedValue { $0 } == 1)
            try await body(server, namespace, fleet, changes)
        }
    }

    @Test("replicas come, become ready, and go with the slices of the Service")
    func slices() async throws {
        let rules = [KubernetesAPIServer.Rule(group: "discovery.k8s.io", ["endpointslices"], ["list", "watch"])]
        try await follow(rules) { server, namespace, fleet, changes in
            let group = try await server.send("GET", "/apis/discovery.k8s.io")
            let version = group["preferredVersion"]?["version"]?.stringValue ?? "v1"
            let path = "/apis/discovery.k8s.io/\(version)/namespaces/\(namespace)/endpointslices"
            func endpoint(_ pod: String, _ address: String, ready: Bool) -> JSONValue {
                [
                    "addresses": [.string(address)], "conditions": ["ready": .bool(ready)],
                    "targetRef": ["kind": "Pod", "name": .string(pod), "uid": .string("uid-\(pod)")],
                ]
            }
            func slice(_ name: String, service: String, _ endpoints: [JSONValue]) -> JSONValue {
                [
                    "metadata": [
                        "name": .string(name), "labels": ["kubernetes.io/service-name": .string(service)],
                    ],
                    "addressType": "IPv4", "ports": [["name": "http", "port": 8080]], "endpoints": .array(endpoints),
                ]
            }
            try await server.send("POST", path, slice("other", service: "x", [endpoint("x", "10.1.0.9", ready: true)]))
            try await server.send(
                "POST", path, slice("g-1", service: "sie-gateway", [endpoint("a", "10.1.0.1", ready: false)]))
            try await eventually("the replica") { fleet.replicas.map(\.pod) == ["a"] }
            #expect(fleet.replicas.first?.isReady == false)
            #expect(fleet.readySince.isEmpty)
            try await server.send(
                "PATCH", "\(path)/g-1",
                ["endpoints": [endpoint("a", "10.1.0.1", ready: true), endpoint("b", "10.1.0.2", ready: true)]],
                type: "application/merge-patch+json")
            try await eventually("both") { fleet.readySince.count == 2 }
            #expect(fleet.replicas.map(\.url) == ["http://10.1.0.1:8080", "http://10.1.0.2:8080"])
            try await server.send("DELETE", "\(path)/g-1")
            try await eventually("nobody") { fleet.replicas.isEmpty }
            #expect(changes.withLockedValue { $0 } == 4)
        }
    }

    @Test("a role that allows Endpoints alone is enough")
    func endpoints() async throws {
        try await follow([.init(["endpoints"], ["list", "watch"])]) { server, namespace, fleet, _ in
            try await server.send(
                "POST", "/api/v1/namespaces/\(namespace)/endpoints",
                [
                    "metadata": ["name": "sie-gateway"],
                    "subsets": [
                        ["addresses": [["ip": "10.1.0.1"]], "ports": [["name": "http", "port": 8080]]]
                    ],
                ])
            try await eventually("the replica") { fleet.replicas.map(\.address) == ["10.1.0.1"] }
        }
    }
}
