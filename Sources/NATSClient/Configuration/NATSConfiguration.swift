import NIOCore

/// Everything a ``NATSConnection`` is told before it starts.
///
/// ```swift
/// var configuration = try NATSConfiguration(servers: ["nats://127.0.0.1:4222"])
/// configuration.name = "sie-gateway"
/// configuration.credentials = .credentialsFile(path: "/etc/nats/user.creds")
/// ```
public struct NATSConfiguration: Sendable {
    /// What a publish does while no server is connected.
    public enum DisconnectedPublishPolicy: Sendable, Equatable {
        /// Keep the message, up to ``NATSConfiguration/pendingBufferLimitBytes``, and send it after the reconnect.
        case buffer
        /// Throw ``NATSError/notConnected``.
        case fail
    }

    /// The servers to try, in order (or shuffled, see ``randomizeServers``). More are learnt from INFO.
    public var servers: [NATSServerAddress]
    /// The client's name as the server's monitoring shows it.
    public var name: String?
    /// How the client proves who it is. User information in a server's URL is used where this is `.none`.
    public var credentials: NATSCredentials = .none
    /// TLS. With `nil`, a server that requires TLS, or a `tls://` URL, is still met with the system's trust roots.
    public var tls: NATSTLSConfiguration?
    /// When and how often to connect again.
    public var reconnect = NATSReconnectPolicy()
    /// The time one attempt may take, from the TCP connect to the first PONG.
    public var connectTimeout: TimeAmount = .seconds(5)
    /// The time between two PINGs of the client.
    public var pingInterval: TimeAmount = .seconds(20)
    /// How many PINGs may be unanswered before the connection counts as dead.
    public var maxOutstandingPings = 2
    /// The most bytes of messages to hold that have not reached the socket.
    public var pendingBufferLimitBytes = 8 * 1024 * 1024
    /// What a publish does while no server is connected.
    public var whileDisconnected: DisconnectedPublishPolicy = .buffer
    /// The time a request or a JetStream publish waits for its answer where the caller names none.
    public var requestTimeout: TimeAmount = .seconds(5)
    /// The first tokens of every inbox subject, with no trailing dot.
    public var inboxPrefix = "_INBOX"
    /// How many messages a subscription read as a sequence holds before its slow-consumer policy applies.
    public var subscriptionBufferMessages = 65_536
    /// Whether to start at a random server of the pool, so that many clients spread over a cluster.
    public var randomizeServers = true
    /// Whether to add the servers that INFO's `connect_urls` names to the pool.
    public var learnsServers = true
    /// Whether the server also delivers this connection's own messages to its own subscriptions.
    public var echo = true
    /// The largest header-plus-payload, in bytes, that is accepted from a server, whatever it announces.
    public var maxInboundMessageBytes = 64 * 1024 * 1024

    /// A configuration with default settings for these servers.
    public init(servers: [NATSServerAddress], name: String? = nil) {
        self.servers = servers
        self.name = name
    }

    /// A configuration for servers given as URLs, e.g. `nats://user:secret@host:4222` or `tls://host`.
    ///
    /// An element may hold several URLs separated by commas, as the `NATS_URL` of other clients does.
    /// - Throws: ``NATSError/invalidURL(_:)`` naming the URL (without its password).
    public init(servers urls: [String], name: String? = nil) throws(NATSError) {
        var servers: [NATSServerAddress] = []
        for url in urls {
            for part in url.split(separator: ",") {
                servers.append(try NATSServerAddress(url: String(part)))
            }
        }
        guard !servers.isEmpty else { throw .invalidURL("") }
        self.init(servers: servers, name: name)
    }
}
