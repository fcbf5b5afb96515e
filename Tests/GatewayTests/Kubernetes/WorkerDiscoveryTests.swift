import Gateway
import JSONStream
import Kubernetes
import Logging
import ServiceLifecycle
import TestSupport
import Testing

@Suite(
    "Finding workers through a real API server", .enabled(if: KubernetesAPIServer.isInstalled, "no kube-apiserver"),
    .timeLimit(.minutes(2)))
struct WorkerDiscoveryTests {
    /// Discovers with the namespace's rights for the length of `body`, which gets what is found, change by change.
    static func discover(
        _ namespace: KubernetesNamespace, body: @Sendable (inout AsyncStream<Set<String>>.Iterator) async throws -> Void
    ) async throws {
        let discovery = WorkerDiscovery(
            client: try namespace.client(), namespace: namespace.name, service: "sie-worker", port: 8080,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await discovery.run() }
            var urls = discovery.urls.makeAsyncIterator()
            try await body(&urls)
            tasks.cancelAll()
        }
    }

    static func endpoint(_ address: String, ready: Bool = true) -> JSONValue {
        ["addresses": [.string(address)], "conditions": ["ready": .bool(ready)]]
    }

    @Test("workers come and go with their EndpointSlices")
    func slices() async throws {
        let namespace = try await KubernetesNamespace()
        try await namespace.writeSlice([Self.endpoint("10.255.0.1"), Self.endpoint("10.255.0.2", ready: false)])
        try await Self.discover(namespace) { urls in
            #expect(await urls.next() == ["http://10.255.0.1:8080"])
            try await namespace.writeSlice([Self.endpoint("10.255.0.1"), Self.endpoint("10.255.0.2")])
            #expect(await urls.next() == ["http://10.255.0.1:8080", "http://10.255.0.2:8080"])
            try await namespace.writeSlice([Self.endpoint("10.255.0.1", ready: false)])
            #expect(await urls.next() == [])
        }
    }

    @Test("a Service without workers has none, which is told as well")
    func nobody() async throws {
        let namespace = try await KubernetesNamespace()
        try await Self.discover(namespace) { urls in #expect(await urls.next() == []) }
    }

    @Test("a role that allows Endpoints alone, as the original's does, is enough; what is deleted is gone")
    func endpoints() async throws {
        let namespace = try await KubernetesNamespace(rules: [.init(["endpoints"], ["get", "list", "watch"])])
        let path = "/api/v1/namespaces/\(namespace.name)/endpoints"
        func object(_ addresses: [String]) -> JSONValue {
            [
                "metadata": ["name": "sie-worker"],
                "subsets": [
                    [
                        "addresses": .array(addresses.map { ["ip": .string($0)] }),
                        "notReadyAddresses": [["ip": "10.255.0.9"]], "ports": [["port": 1]],
                    ]
                ],
            ]
        }
        try await namespace.server.send("POST", path, object(["10.255.0.1", "fd00::1"]))
        let (before, after) = (object(["10.255.0.2"]), path)
        try await Self.discover(namespace) { urls in
            #expect(await urls.next() == ["http://10.255.0.1:8080", "http://[fd00::1]:8080"])
            try await namespace.server.send("PUT", "\(after)/sie-worker", before)
            #expect(await urls.next() == ["http://10.255.0.2:8080"])
            try await namespace.server.send("DELETE", "\(after)/sie-worker")
            #expect(await urls.next() == [])
        }
    }
}
