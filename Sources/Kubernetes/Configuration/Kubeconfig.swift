import CurlClient
import FoundationEssentials
import JSONStream

/// What kubectl knows about clusters, from one file or several (`KUBECONFIG`).
///
/// Of several files, the first one that has an entry counts, as in kubectl. Paths in a file are relative to it.
public struct Kubeconfig: Sendable {
    /// An entry and the directory of the file that it is from.
    private struct Entry<Value: Sendable>: Sendable {
        var value: Value
        var directory: String
    }

    private var clusters: [String: Entry<KubeconfigFile.Cluster>] = [:]
    private var users: [String: Entry<KubeconfigFile.User>] = [:]
    private var contexts: [String: KubeconfigFile.Context] = [:]
    /// The context that counts where nobody names one.
    public private(set) var currentContext: String?

    /// Reads files; those that are not there are left out.
    ///
    /// - Throws: `ConfigurationError` for files that cannot be read.
    public init(paths: [String]) throws(ConfigurationError) {
        for path in paths where FileManager.default.fileExists(atPath: path) {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ConfigurationError("\(path) cannot be read")
            }
            try add(Array(data), path: path)
        }
    }

    /// The names of all contexts.
    public var contextNames: [String] { contexts.keys.sorted() }

    /// Adds what a file has and no earlier one had.
    mutating func add(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        let file = try KubeconfigFile.parse(bytes, path: path)
        let directory = Self.directory(of: path)
        for cluster in file.clusters ?? [] where clusters[cluster.name] == nil {
            clusters[cluster.name] = Entry(value: cluster.value, directory: directory)
        }
        for user in file.users ?? [] where users[user.name] == nil {
            users[user.name] = Entry(value: user.value, directory: directory)
        }
        for context in file.contexts ?? [] where contexts[context.name] == nil {
            contexts[context.name] = context.value
        }
        if currentContext == nil, let current = file.currentContext, !current.isEmpty { currentContext = current }
    }

    /// How to reach the cluster of a context, as its user.
    ///
    /// - Parameters:
    ///   - name: nil for the current context.
    ///   - allowsInsecureTLS: whether `insecure-skip-tls-verify` is obeyed instead of refused.
    public func configuration(
        context name: String? = nil, allowsInsecureTLS: Bool = false
    ) throws(ConfigurationError) -> ClusterConfiguration {
        guard let name = name ?? currentContext else {
            throw ConfigurationError("the kubeconfig has no current-context, and none was named")
        }
        guard let context = contexts[name] else {
            throw ConfigurationError(
                "the kubeconfig has no context '\(name)'; it has: \(contextNames.joined(separator: ", "))")
        }
        let clusterName = context.cluster ?? ""
        guard let cluster = clusters[clusterName] else {
            throw ConfigurationError(
                "context '\(name)' names cluster '\(clusterName)', which the kubeconfig does not have")
        }
        let userName = context.user ?? ""
        let user = users[userName]
        guard user != nil || userName.isEmpty else {
            throw ConfigurationError("context '\(name)' names user '\(userName)', which the kubeconfig does not have")
        }
        let place = "cluster '\(clusterName)'"
        guard let server = cluster.value.server, Self.isURL(server, schemes: ["http", "https"]) else {
            throw ConfigurationError("\(place): server must be an http:// or https:// URL")
        }
        var configuration = ClusterConfiguration(
            server: server, tls: try tls(cluster, place, allowsInsecureTLS), namespace: "default")
        if let namespace = context.namespace, !namespace.isEmpty { configuration.namespace = namespace }
        if let proxy = cluster.value.proxy, !proxy.isEmpty {
            guard Self.isURL(proxy, schemes: ["http", "https", "socks5"]) else {
                throw ConfigurationError("\(place): proxy-url must be an http://, https:// or socks5:// URL")
            }
            configuration.proxy = .url(proxy)
        }
        if let user { try logIn(user, "user '\(userName)'", &configuration) }
        return configuration
    }

    // MARK: Parts

    private func tls(
        _ cluster: Entry<KubeconfigFile.Cluster>, _ place: String, _ allowsInsecureTLS: Bool
    ) throws(ConfigurationError) -> CurlTLS {
        var tls = CurlTLS()
        if cluster.value.isInsecure == true {
            guard allowsInsecureTLS else {
                throw ConfigurationError(
                    "\(place): insecure-skip-tls-verify is refused; name the certificate-authority")
            }
            tls.verifiesServer = false
        }
        if let data = Self.given(cluster.value.authorityData) {
            tls.authorities = .pem(try Self.decode(data, "\(place): certificate-authority-data"))
        } else if let path = Self.given(cluster.value.authority) {
            tls.authorities = .file(Self.resolve(path, in: cluster.directory))
        }
        tls.serverName = Self.given(cluster.value.serverName)
        return tls
    }

    private func logIn(
        _ user: Entry<KubeconfigFile.User>, _ place: String, _ configuration: inout ClusterConfiguration
    ) throws(ConfigurationError) {
        let entry = user.value
        configuration.tls.identity = try identity(user, place)
        if let name = Self.given(entry.impersonated) {
            configuration.impersonation = .init(
                user: name, uid: entry.impersonatedUID, groups: entry.impersonatedGroups ?? [])
        } else if entry.impersonatedUID != nil || !(entry.impersonatedGroups ?? []).isEmpty {
            throw ConfigurationError("\(place): as-uid and as-groups need as")
        }
        if let exec = entry.exec {
            configuration.credentials = .exec(try plugin(exec, in: user.directory, place))
        } else if let path = Self.given(entry.tokenFile) {
            configuration.credentials = .tokenFile(Self.resolve(path, in: user.directory))
        } else if let token = Self.given(entry.token) {
            configuration.credentials = .token(token)
        } else if let name = Self.given(entry.username) {
            configuration.credentials = .basic(user: name, password: entry.password ?? "")
        } else if let provider = entry.authProvider, !provider.isNull {
            throw ConfigurationError("\(place): auth-provider is gone from Kubernetes since 1.26; use exec")
        }
    }

    private func identity(
        _ user: Entry<KubeconfigFile.User>, _ place: String
    ) throws(ConfigurationError) -> CurlTLS.Identity? {
        func part(
            _ data: String?, _ path: String?, _ name: String
        ) throws(ConfigurationError) -> (pem: [UInt8]?, path: String?)? {
            if let data = Self.given(data) { return (try Self.decode(data, "\(place): \(name)-data"), nil) }
            return Self.given(path).map { (nil, Self.resolve($0, in: user.directory)) }
        }
        func bytes(_ part: (pem: [UInt8]?, path: String?), _ name: String) throws(ConfigurationError) -> [UInt8] {
            if let pem = part.pem { return pem }
            guard let path = part.path, let data = FileManager.default.contents(atPath: path) else {
                throw ConfigurationError("\(place): \(name) \(part.path ?? "") cannot be read")
            }
            return Array(data)
        }
        let certificate = try part(user.value.certificateData, user.value.certificate, "client-certificate")
        let key = try part(user.value.keyData, user.value.key, "client-key")
        guard let certificate, let key else {
            guard certificate == nil, key == nil else {
                throw ConfigurationError("\(place): client-certificate and client-key need each other")
            }
            return nil
        }
        // Files are read anew for each connection, because certificates are renewed.
        if let certificatePath = certificate.path, let keyPath = key.path {
            return .files(certificate: certificatePath, key: keyPath)
        }
        return .pem(
            certificate: try bytes(certificate, "client-certificate"), key: try bytes(key, "client-key"))
    }

    private func plugin(
        _ exec: KubeconfigFile.Exec, in directory: String, _ place: String
    ) throws(ConfigurationError) -> ExecPlugin {
        let version = exec.apiVersion ?? ""
        guard ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"].contains(version) else {
            throw ConfigurationError("\(place): exec.apiVersion '\(version)' is not known; v1 and v1beta1 are")
        }
        guard exec.interactiveMode != "Always" else {
            throw ConfigurationError("\(place): exec.interactiveMode Always needs a terminal, which is not there")
        }
        guard !exec.command.isEmpty else { throw ConfigurationError("\(place): exec.command is empty") }
        // A bare name is looked for on PATH.
        let command =
            exec.command.utf8.contains(UInt8(ascii: "/")) ? Self.resolve(exec.command, in: directory) : exec.command
        return ExecPlugin(
            apiVersion: version, command: command, arguments: exec.args ?? [],
            environment: (exec.env ?? []).map { .init(name: $0.name, value: $0.value) },
            providesClusterInfo: exec.provideClusterInfo ?? false, installHint: exec.installHint)
    }

    // MARK: Texts

    private static func given(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

    private static func directory(of path: String) -> String {
        let components = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = components.joined(separator: "/")
        return directory.isEmpty ? (path.utf8.first == UInt8(ascii: "/") ? "/" : ".") : directory
    }

    private static func resolve(_ path: String, in directory: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : "\(directory)/\(path)"
    }

    private static func decode(_ text: String, _ place: String) throws(ConfigurationError) -> [UInt8] {
        guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters), !data.isEmpty else {
            throw ConfigurationError("\(place) is no base64")
        }
        return Array(data)
    }

    private static func isURL(_ text: String, schemes: [String]) -> Bool {
        schemes.contains { text.utf8.starts(with: "\($0)://".utf8) && text.utf8.count > $0.utf8.count + 3 }
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
