import CurlClient

/// How to reach an API server, and as whom: one value, made once from a kubeconfig or from a pod's environment.
public struct ClusterConfiguration: Sendable {
    /// Acting as somebody else, where one's own rights allow it.
    public struct Impersonation: Sendable, Hashable {
        public var user: String
        public var uid: String?
        public var groups: [String]

        public init(user: String, uid: String? = nil, groups: [String] = []) {
            self.user = user
            self.uid = uid
            self.groups = groups
        }
    }

    /// `https://host:port`, with a path where the server has one; no slash at the end.
    public var server: String
    public var tls: CurlTLS
    public var proxy: CurlRequest.Proxy
    public var credentials: CredentialSource
    public var impersonation: Impersonation?
    /// The namespace to work in where nobody names one.
    public var namespace: String

    public init(
        server: String, tls: CurlTLS = CurlTLS(), proxy: CurlRequest.Proxy = .environment,
        credentials: CredentialSource = .anonymous, impersonation: Impersonation? = nil, namespace: String = "default"
    ) {
        var server = server
        while server.utf8.last == UInt8(ascii: "/") { server.removeLast() }
        self.server = server
        self.tls = tls
        self.proxy = proxy
        self.credentials = credentials
        self.impersonation = impersonation
        self.namespace = namespace
    }
}

extension ClusterConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Everything but secrets.
    public var description: String { "\(server) (\(credentials), namespace \(namespace))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["server": server, "credentials": "\(credentials)"]) }
}
