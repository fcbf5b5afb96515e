import CurlClient
import FoundationEssentials
import Kubernetes
import Logging
import Wire

/// The gateway's way to the API server.
enum KubernetesAccess {
    /// Why the gateway cannot reach the API server.
    struct NoCluster: Error, CustomStringConvertible {
        let description: String
    }

    /// Where the kubelet puts what a pod needs to log in.
    private static let accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// A client of the cluster that this process is a pod of.
    ///
    /// - Throws: ``NoCluster`` where it is no pod or has no service account; `CurlError` where libcurl cannot be started.
    static func client(logger: Logger) throws -> KubernetesClient {
        let configuration = try configuration(environment: ProcessInfo.processInfo.environment)
        logger.info("using Kubernetes", metadata: ["server": "\(configuration)"])
        return KubernetesClient(configuration, curl: try CurlClient(), options: options)
    }

    /// Callers wait for some of these requests, so that they fail rather than take long; each caller's pool is renewed once
    /// a minute with two or three requests.
    private static var options: KubernetesClient.Options {
        var options = KubernetesClient.Options()
        options.userAgent = "sie-gateway/\(ProductVersion.current) (linux)"
        options.requestsPerSecond = 100
        options.requestBurst = 200
        options.retries = RetryPolicy(retries: 1)
        options.timeout = .seconds(5)
        return options
    }

    /// The token and the authority are read again when they are replaced.
    private static func configuration(environment: [String: String]) throws(NoCluster) -> ClusterConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"],
            !host.isEmpty, !port.isEmpty
        else {
            throw NoCluster(
                description: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod")
        }
        for file in ["token", "ca.crt"] where !FileManager.default.fileExists(atPath: "\(accountDirectory)/\(file)") {
            throw NoCluster(
                description: "\(accountDirectory)/\(file) is missing: the pod needs automountServiceAccountToken")
        }
        let authority = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        return ClusterConfiguration(
            server: "https://\(authority)", tls: CurlTLS(authorities: .file("\(accountDirectory)/ca.crt")),
            credentials: .tokenFile("\(accountDirectory)/token"))
    }
}
