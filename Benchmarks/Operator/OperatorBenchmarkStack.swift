import CurlClient
import Foundation
import JSONStream
import Kubernetes
import NIOCore
import TestSupport

/// A real API server with a config service and one gateway: all but the API server and etcd are our own programs.
struct OperatorBenchmarkStack {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let server: KubernetesAPIServer
    /// As the administrator, without a limit.
    let client: KubernetesClient
    let curl: CurlClient
    let nats: NATSServerProcess
    let config: ProductProcess
    let gateway: ProductProcess
    let folder: URL
    let host: String

    static func start() async throws -> OperatorBenchmarkStack {
        let host = try address()
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let folder = FileManager.default.temporaryDirectory.appending(path: "sie-bench-operator-\(UUID().uuidString)")
        for name in ["bundles", "models", "store"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        try Data("name: default\npriority: 10\nadapters: [\(ModelWorkload.adapter)]\n".utf8).write(
            to: folder.appending(path: "bundles/default.yaml"))
        let nats = try await NATSServerProcess()
        let folders = [
            "SIE_NATS_URL": nats.url, "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
            "SIE_MODELS_DIR": folder.appending(path: "models").path,
        ]
        let store = ["SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true"]
        let config = try await ProductProcess("sie-config", environment: folders.merging(store) { $1 }) {
            ["serve", "--host", "127.0.0.1", "--port", "\($0)", "--log-level", "WARNING"]
        }
        let source = ["SIE_CONFIG_SERVICE_URL": "http://127.0.0.1:\(config.port)"]
        let gateway = try await ProductProcess("sie-gateway", environment: folders.merging(source) { $1 }) {
            ["serve", "--host", "0.0.0.0", "--port", "\($0)", "--log-level", "error"]
        }
        let curl = try CurlClient()
        var options = KubernetesClient.Options()
        options.requestsPerSecond = 0
        let client = KubernetesClient(
            try ClusterConfiguration.load(kubeconfig: try server.kubeconfig(), environment: [:]), curl: curl,
            options: options)
        return OperatorBenchmarkStack(
            server: server, client: client, curl: curl, nats: nats, config: config, gateway: gateway, folder: folder,
            host: host)
    }

    func stop() async throws {
        try await gateway.kill()
        try await config.kill()
        try FileManager.default.removeItem(at: folder)
    }

    /// A namespace in which the gateway is behind its Service.
    func namespace() async throws -> String {
        let name = try await server.namespace()
        let group = try await server.send("GET", "/apis/discovery.k8s.io")
        let version = group["preferredVersion"]?["version"]?.stringValue ?? "v1"
        try await server.send(
            "POST", "/apis/discovery.k8s.io/\(version)/namespaces/\(name)/endpointslices",
            [
                "metadata": ["name": "sie-gateway-0", "labels": ["kubernetes.io/service-name": "sie-gateway"]],
                "addressType": "IPv4", "ports": [["name": "http", "port": .int(Int64(gateway.port))]],
                "endpoints": [["addresses": [.string(host)], "conditions": ["ready": true]]],
            ])
        return name
    }

    func startOperator(in namespace: String) async throws -> MeasuredOperator {
        try await MeasuredOperator(
            kubeconfig: try server.kubeconfig(namespace: namespace), namespace: namespace,
            configURL: "http://127.0.0.1:\(config.port)", curl: curl)
    }

    /// Processor time of the programs that the operator works with, in seconds.
    func processorSeconds() async throws -> [(name: String, seconds: Double)] {
        let metrics = try await serverMetrics()
        return [
            ("kube-apiserver", metrics.sum("process_cpu_seconds_total")),
            ("sie-config", ProcessorTime.of(process: config.program.processIdentifier)),
            ("sie-gateway", ProcessorTime.of(process: gateway.program.processIdentifier)),
            ("this load", ProcessorTime.ofThisProcess),
        ]
    }

    /// How many writes of models and events the API server has taken, of everybody.
    func writes() async throws -> Double {
        try await serverMetrics().sum("apiserver_request_total") { labels in
            let resource = ScrapedMetrics.label("resource", in: labels) ?? ""
            let verb = ScrapedMetrics.label("verb", in: labels) ?? ""
            return ["siemodels", "events"].contains(resource) && !["GET", "LIST", "WATCH"].contains(verb)
        }
    }

    private func serverMetrics() async throws -> ScrapedMetrics {
        var request = CurlRequest("GET", "\(server.url)/metrics")
        request.tls = CurlTLS(authorities: .file(server.authorityFile))
        request.proxy = .none
        request.headers = [CurlRequest.Header("Authorization", "Bearer \(server.adminToken)")]
        let response = try await curl.perform(request)
        guard response.status == 200 else { throw Failure(description: "kube-apiserver /metrics: \(response.status)") }
        return ScrapedMetrics(
            String(decoding: response.body, as: UTF8.self),
            names: ["apiserver_request_total", "process_cpu_seconds_total"])
    }

    /// An address of this machine that objects may name: the API takes no loopback addresses.
    private static func address() throws -> String {
        let addresses = try System.enumerateDevices().compactMap(\.address).filter { $0.protocol == .inet }
        let found = addresses.compactMap(\.ipAddress).first { !$0.hasPrefix("127.") && !$0.hasPrefix("169.254.") }
        guard let found else { throw Failure(description: "this machine has no address beside loopback ones") }
        return found
    }
}
