import CurlClient
import JSONStream
import Kubernetes
import NIOCore
import TestSupport

/// A namespace of the shared API server, as gateways use it that have no more rights than they need.
struct KubernetesNamespace: Sendable {
    /// What a gateway needs: reading where workers are, and the objects of pools.
    static let rules: [KubernetesAPIServer.Rule] = [
        .init(group: "discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
        .init(["configmaps"], ["get", "list", "watch", "create", "patch", "delete"]),
        .init(group: "coordination.k8s.io", ["leases"], ["get", "list", "watch", "create", "patch", "delete"]),
    ]

    let server: KubernetesAPIServer
    let name: String
    let token: String

    init(rules: [KubernetesAPIServer.Rule] = rules) async throws {
        server = try await KubernetesAPIServer.shared
        name = try await server.namespace()
        token = try await server.serviceAccount("gateway", in: name, rules: rules)
    }

    /// A client with the gateway's rights.
    func client() throws -> KubernetesClient {
        KubernetesClient(
            ClusterConfiguration(
                server: server.url, tls: CurlTLS(authorities: .file(server.authorityFile)), proxy: .none,
                credentials: .token(token)),
            curl: try CurlClient())
    }

    // MARK: Objects, as the administrator sees them

    /// The pool's ConfigMap; nil where there is none.
    func configMap(_ pool: String) async throws -> JSONValue? {
        try await object("/api/v1/namespaces/\(name)/configmaps/sie-pool-\(pool)")
    }

    func lease(_ pool: String) async throws -> JSONValue? {
        try await object("/apis/coordination.k8s.io/v1/namespaces/\(name)/leases/sie-pool-lease-\(pool)")
    }

    func document(_ pool: String) async throws -> JSONValue? {
        try await configMap(pool)?["data"]?["pool.json"]?.stringValue.map { try JSONReader.decode($0.utf8) }
    }

    func writePool(_ pool: String, document: String, owner: String? = nil) async throws {
        var metadata: [JSONMember] = [
            JSONMember("name", .string("sie-pool-\(pool)")),
            JSONMember(
                "labels",
                ["app.kubernetes.io/managed-by": "sie-gateway", "sie-gateway/pool": .string(pool)]),
        ]
        if let owner {
            metadata.append(
                JSONMember(
                    "ownerReferences",
                    [["apiVersion": "sie.dev/v1alpha1", "kind": "SIEPool", "name": .string(owner), "uid": "u"]]))
        }
        try await server.send(
            "POST", "/api/v1/namespaces/\(name)/configmaps",
            ["metadata": .object(metadata), "data": ["pool.json": .string(document)]])
    }

    /// Writes, or replaces, the one slice of the Service `sie-worker`.
    func writeSlice(_ endpoints: [JSONValue]) async throws {
        let slices = "/apis/discovery.k8s.io/\(try await sliceVersion())/namespaces/\(name)/endpointslices"
        let patch: JSONValue = ["endpoints": .array(endpoints)]
        let reply = try await server.request(
            "PATCH", "\(slices)/sie-worker-1", patch, type: "application/merge-patch+json")
        guard reply.status == 404 else { return }
        try await server.send(
            "POST", slices,
            [
                "metadata": ["name": "sie-worker-1", "labels": ["kubernetes.io/service-name": "sie-worker"]],
                "addressType": "IPv4", "endpoints": .array(endpoints),
            ])
    }

    private func sliceVersion() async throws -> String {
        let group = try await server.send("GET", "/apis/discovery.k8s.io")
        return group["preferredVersion"]?["version"]?.stringValue ?? "v1"
    }

    private func object(_ path: String) async throws -> JSONValue? {
        let reply = try await server.request("GET", path)
        // `nil` alone would be the null of JSON.
        return reply.status == 404 ? Optional.none : reply.body
    }

    /// An address of this machine that objects may name: the API takes no loopback addresses.
    static var hostAddress: String? {
        let devices = (try? System.enumerateDevices()) ?? []
        let addresses = devices.compactMap(\.address).filter { $0.protocol == .inet }.compactMap(\.ipAddress)
        return addresses.first { !$0.hasPrefix("127.") && !$0.hasPrefix("169.254.") }
    }
}
