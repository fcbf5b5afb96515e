import CurlClient
import FoundationEssentials

extension ClusterConfiguration {
    /// Where the kubelet puts a pod's token, authority and namespace.
    public static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Finds a cluster: the kubeconfig named, else those of `KUBECONFIG`, else the cluster that this process is a pod of,
    /// else `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - kubeconfig: the path of a kubeconfig, which must then exist.
    ///   - context: a context of the kubeconfig; nil for its current one.
    ///   - environment: the process's variables.
    public static func load(
        kubeconfig: String? = nil, context: String? = nil, environment: [String: String],
        allowsInsecureTLS: Bool = false, serviceAccountDirectory: String = serviceAccountDirectory
    ) throws(ConfigurationError) -> ClusterConfiguration {
        var paths: [String] = []
        if let kubeconfig {
            guard FileManager.default.fileExists(atPath: kubeconfig) else {
                throw ConfigurationError("there is no kubeconfig at \(kubeconfig)")
            }
            paths = [kubeconfig]
        } else if let list = environment["KUBECONFIG"], !list.isEmpty {
            paths = list.split(separator: ":").map(String.init)
        } else if environment["KUBERNETES_SERVICE_HOST"]?.isEmpty == false {
            return try inCluster(environment: environment, directory: serviceAccountDirectory)
        } else if let home = environment["HOME"], FileManager.default.fileExists(atPath: "\(home)/.kube/config") {
            paths = ["\(home)/.kube/config"]
        } else {
            throw ConfigurationError(
                "no cluster is known: this is no pod, KUBECONFIG is not set and there is no ~/.kube/config")
        }
        return try Kubeconfig(paths: paths).configuration(context: context, allowsInsecureTLS: allowsInsecureTLS)
    }

    /// The cluster that this process is a pod of, as the pod's service account.
    ///
    /// The token is read again every minute and the authority for each connection, because both are replaced.
    public static func inCluster(
        environment: [String: String], directory: String = serviceAccountDirectory
    ) throws(ConfigurationError) -> ClusterConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
            throw ConfigurationError("this is no pod: KUBERNETES_SERVICE_HOST is not set")
        }
        let port = environment["KUBERNETES_SERVICE_PORT"] ?? ""
        guard let number = UInt16(port), number > 0 else {
            throw ConfigurationError("KUBERNETES_SERVICE_PORT '\(port)' is no port")
        }
        for file in ["token", "ca.crt"] where !FileManager.default.fileExists(atPath: "\(directory)/\(file)") {
            throw ConfigurationError(
                "\(directory)/\(file) is missing: the pod has no service account token (automountServiceAccountToken?)")
        }
        let authority = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(number)" : "\(host):\(number)"
        let namespace = FileManager.default.contents(atPath: "\(directory)/namespace").map {
            String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined()
        }
        return ClusterConfiguration(
            server: "https://\(authority)", tls: CurlTLS(authorities: .file("\(directory)/ca.crt")),
            credentials: .tokenFile("\(directory)/token"),
            namespace: namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default")
    }
}
