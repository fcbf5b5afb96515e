/// Whom an `https://` request trusts, and as whom it presents itself.
public struct CurlTLS: Sendable, Hashable {
    /// Certificate authorities.
    public enum Authorities: Sendable, Hashable {
        /// Those of the system.
        case system
        /// Those of a PEM file, read anew for each connection.
        case file(String)
        /// Those of PEM text.
        case pem([UInt8])
    }

    /// A client's certificate chain and its key.
    public enum Identity: Sendable, Hashable {
        case files(certificate: String, key: String)
        case pem(certificate: [UInt8], key: [UInt8])
    }

    public var authorities: Authorities
    public var identity: Identity?
    /// Whether the server's certificate and name are checked.
    public var verifiesServer: Bool
    /// The name that the server's certificate must have, where it is another than the one that is connected to.
    public var serverName: String?

    public init(
        authorities: Authorities = .system, identity: Identity? = nil, verifiesServer: Bool = true,
        serverName: String? = nil
    ) {
        self.authorities = authorities
        self.identity = identity
        self.verifiesServer = verifiesServer
        self.serverName = serverName
    }
}
