/// How the connection is encrypted and whom it trusts.
public struct NATSTLSConfiguration: Sendable, Equatable {
    /// When the TLS handshake happens.
    public enum Mode: Sendable, Equatable {
        /// After the server's INFO, if the server requires it or offers it.
        case whenOffered
        /// After the server's INFO; a server without TLS is refused.
        case required
        /// Before anything else (`handshake_first` of nats-server 2.10.4 and later).
        case first
    }

    /// When the TLS handshake happens.
    public var mode: Mode = .required
    /// A PEM file with the authorities to trust instead of the system's.
    public var authoritiesFile: String?
    /// A PEM file with this client's certificate, leaf first.
    public var certificateFile: String?
    /// A PEM file with the private key of ``certificateFile``.
    public var privateKeyFile: String?
    /// The name to expect in the server's certificate where it is not the host of the URL.
    public var serverName: String?
    /// Whether to check the server's certificate. Switching this off is for tests alone.
    public var verifiesServer = true

    /// TLS required, with the system's trust roots and no client certificate.
    public init(
        mode: Mode = .required, authoritiesFile: String? = nil, certificateFile: String? = nil,
        privateKeyFile: String? = nil, serverName: String? = nil
    ) {
        self.mode = mode
        self.authoritiesFile = authoritiesFile
        self.certificateFile = certificateFile
        self.privateKeyFile = privateKeyFile
        self.serverName = serverName
    }
}
