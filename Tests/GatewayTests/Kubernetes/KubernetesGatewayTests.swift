import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

@Suite(
    "Gateways in Kubernetes, against a real API server",
    .enabled(if: KubernetesAPIServer.isInstalled, "no kube-apiserver"), .timeLimit(.minutes(2)))
struct KubernetesGatewayTests {
    /// A gateway with the rights of the namespace's account and nothing else.
    static func gateway(
        _ namespace: KubernetesNamespace, folder: URL, workerPort: Int = 8080
    ) async throws -> ProductProcess {
        let kubeconfig = try namespace.server.kubeconfig(token: namespace.token, namespace: namespace.name)
        return try await RunningGateway.start(
            folder: folder,
            environment: [
                "KUBECONFIG": kubeconfig, "SIE_GATEWAY_KUBERNETES": "true",
                "SIE_GATEWAY_K8S_NAMESPACE": namespace.name, "SIE_GATEWAY_K8S_PORT": "\(workerPort)",
                "SIE_GATEWAY_CONFIGURED_GPUS": "l4",
            ])
    }

    static func json(_ reply: HTTPTestClient.Reply) throws -> JSONValue {
        try JSONReader.decode(reply.body.readableBytesView)
    }

    /// The workers that a gateway knows, and whether each is healthy.
    static func workers(_ gateway: ProductProcess) async throws -> [String: Bool] {
        let health = try json(try await HTTPTestClient(port: gateway.port).send(.GET, "/health"))
        return Dictionary(
            (health["workers"]?.arrayValue ?? []).map {
                ($0["url"]?.stringValue ?? "", $0["healthy"]?.boolValue ?? false)
            }, uniquingKeysWith: { $1 })
    }

    static func endpoint(_ address: String, ready: Bool = true) -> JSONValue {
        ["addresses": [.string(address)], "conditions": ["ready": .bool(ready)]]
    }

    @Test("a worker whose EndpointSlice says that it is ready is connected to, and forgotten when it is not")
    func slices() async throws {
        guard let host = KubernetesNamespace.hostAddress else {
            print("SKIPPED: this machine has no address beside loopback ones, which EndpointSlices do not take")
            return
        }
        let namespace = try await KubernetesNamespace()
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await StatusServer.with(host: "0.0.0.0") { worker in
            let url = "http://\(host):\(worker.port)"
            try await namespace.writeSlice([Self.endpoint(host), Self.endpoint("10.255.0.1", ready: false)])
            let gateway = try await Self.gateway(namespace, folder: folder, workerPort: worker.port)
            var connections = worker.connections.makeAsyncIterator()
            _ = await connections.next()
            worker.send(PoolWorkers.worker("w1"))
            try await eventually("the worker") { try await Self.workers(gateway) == [url: true] ? () : nil }
            try await namespace.writeSlice([Self.endpoint(host), Self.endpoint("10.255.0.2")])
            try await eventually("the second worker") {
                let workers = try await Self.workers(gateway)
                return Set(workers.keys) == [url, "http://10.255.0.2:\(worker.port)"] ? () : nil
            }
            #expect(try await Self.workers(gateway)[url] == true, "who stays is not disturbed")
            try await namespace.writeSlice([Self.endpoint(host, ready: false)])
            try await eventually("no worker") { try await Self.workers(gateway).isEmpty ? () : nil }
            try await namespace.writeSlice([Self.endpoint(host)])
            _ = await connections.next()
            worker.send(PoolWorkers.worker("w1"))
            try await eventually("the worker again") { try await Self.workers(gateway) == [url: true] ? () : nil }
        }
    }

    @Test("two gateways have the same pools, and a restarted one has them again")
    func pools() async throws {
        let namespace = try await KubernetesNamespace()
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await Self.gateway(namespace, folder: folder)
        let second = try await Self.gateway(namespace, folder: folder)
        func names(_ gateway: ProductProcess) async throws -> [String] {
            let list = try Self.json(try await HTTPTestClient(port: gateway.port).send(.GET, "/v1/pools"))
            return (list["pools"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }.sorted()
        }
        let made = try await PoolRoutesTests.post(
            HTTPTestClient(port: first.port), #"{"name":"tenant-a","gpus":{"l4":2},"ttl_seconds":600}"#)
        #expect(made.status == 201)
        try await eventually("the pool") { try await names(second) == ["default", "tenant-a"] ? () : nil }
        let renewal = try await HTTPTestClient(port: second.port).send(.POST, "/v1/pools/tenant-a/renew")
        #expect(renewal.status == 200)
        try await first.kill()
        let again = try await Self.gateway(namespace, folder: folder)
        try await eventually("the pool after a restart") {
            try await names(again) == ["default", "tenant-a"] ? () : nil
        }
        let refused = try await PoolRoutesTests.post(
            HTTPTestClient(port: again.port), #"{"name":"Tenant_B","gpus":{"l4":1}}"#)
        #expect(refused.status == 400)
        let deleted = try await HTTPTestClient(port: again.port).send(.DELETE, "/v1/pools/tenant-a")
        #expect(deleted.status == 200)
        try await eventually("the deletion") { try await names(second) == ["default"] ? () : nil }
        #expect(try await namespace.configMap("tenant-a") == nil)
    }
}
