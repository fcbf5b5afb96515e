import CurlClient
import FoundationEssentials
import Kubernetes
import Logging
import Wire

/// The gateway's way to the API server.
enum KubernetesAccess {
    /// A client of the cluster that `KUBECONFIG` names, that this process is a pod of, or that `~/.kube/config` names.
    ///
    /// - Throws: `ConfigurationError` where none of them does; `CurlError` where libcurl cannot be started.
    static func client(logger: Logger) throws -> KubernetesClient {
        let configuration = try ClusterConfiguration.load(environment: ProcessInfo.processInfo.environment)
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
}
