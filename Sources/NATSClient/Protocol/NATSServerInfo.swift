/// What a server says about itself in INFO. Fields that a server leaves out have the value the protocol gives them.
public struct NATSServerInfo: Sendable, Equatable {
    /// The server's unique id.
    public var serverID = ""
    /// The server's name.
    public var serverName = ""
    /// The server's version, e.g. `2.9.10`.
    public var version = ""
    /// Whether it takes headers (HPUB).
    public var supportsHeaders = false
    /// The largest header-plus-payload in bytes.
    public var maxPayloadBytes = 1_048_576
    /// Whether it has JetStream.
    public var hasJetStream = false
    /// Whether clients must authenticate.
    public var requiresAuthentication = false
    /// Whether clients must use TLS.
    public var requiresTLS = false
    /// Whether clients must show a certificate.
    public var verifiesTLSClients = false
    /// Whether clients may use TLS.
    public var offersTLS = false
    /// Other servers of the cluster, `host:port`.
    public var connectURLs: [String] = []
    /// Whether the server is about to shut down (lame duck mode).
    public var isLameDuck = false
    /// The challenge that nkeys and JWT users sign.
    public var nonce: String?
    /// The id this connection has at the server.
    public var clientID: UInt64 = 0
    /// The address that the server sees this client under.
    public var clientIP = ""
    /// The name of the server's cluster.
    public var cluster: String?

    /// Nothing known yet.
    public init() {}
}

extension NATSServerInfo: Decodable {
    private enum CodingKeys: String, CodingKey {
        case serverID = "server_id"
        case serverName = "server_name"
        case version, headers, jetstream, nonce, cluster, ldm
        case maxPayload = "max_payload"
        case authRequired = "auth_required"
        case tlsRequired = "tls_required"
        case tlsVerify = "tls_verify"
        case tlsAvailable = "tls_available"
        case connectURLs = "connect_urls"
        case clientID = "client_id"
        case clientIP = "client_ip"
    }

    /// Reads the JSON of INFO.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func string(_ key: CodingKeys) throws -> String {
            try container.decodeIfPresent(String.self, forKey: key) ?? ""
        }
        func flag(_ key: CodingKeys) throws -> Bool { try container.decodeIfPresent(Bool.self, forKey: key) ?? false }
        serverID = try string(.serverID)
        serverName = try string(.serverName)
        version = try string(.version)
        supportsHeaders = try flag(.headers)
        maxPayloadBytes = try container.decodeIfPresent(Int.self, forKey: .maxPayload) ?? 1_048_576
        hasJetStream = try flag(.jetstream)
        requiresAuthentication = try flag(.authRequired)
        requiresTLS = try flag(.tlsRequired)
        verifiesTLSClients = try flag(.tlsVerify)
        offersTLS = try flag(.tlsAvailable)
        connectURLs = try container.decodeIfPresent([String].self, forKey: .connectURLs) ?? []
        isLameDuck = try flag(.ldm)
        nonce = try container.decodeIfPresent(String.self, forKey: .nonce)
        clientID = try container.decodeIfPresent(UInt64.self, forKey: .clientID) ?? 0
        clientIP = try string(.clientIP)
        cluster = try container.decodeIfPresent(String.self, forKey: .cluster)
    }
}
