import CurlClient
import Kubernetes
import Logging
import TestSupport

/// A namespace of the shared API server, and clients of it with all rights.
struct ClusterNamespace: Sendable {
    let server: KubernetesAPIServer
    let name: String

    init() async throws {
        server = try await KubernetesAPIServer.shared
        name = try await server.namespace()
    }

    /// A client that repeats nothing and tells `observer` of every request.
    func client(_ observer: (@Sendable (RequestReport) -> Void)? = nil) throws -> KubernetesClient {
        var options = KubernetesClient.Options()
        options.requestsPerSecond = 0
        options.retries.retries = 0
        options.observer = observer
        var configuration = try ClusterConfiguration.load(
            kubeconfig: try server.kubeconfig(namespace: name), environment: [:])
        configuration.proxy = .none
        return KubernetesClient(configuration, curl: try CurlClient(), options: options)
    }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
