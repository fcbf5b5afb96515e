import NIOCore

/// JetStream over a connection: streams, consumers, publishing with acknowledgements, and pulling.
public struct JetStream: Sendable {
    /// The connection used.
    public let connection: NATSConnection
    /// The first tokens of the API's subjects: `$JS.API`, or `$JS.<domain>.API` for another domain.
    public let apiPrefix: String
    /// The time an API request waits for its answer.
    public let timeout: TimeAmount

    /// JetStream as the connection's account sees it.
    public init(_ connection: NATSConnection, domain: String? = nil, timeout: TimeAmount? = nil) {
        self.connection = connection
        self.apiPrefix = domain.map { "$JS.\($0).API" } ?? "$JS.API"
        self.timeout = timeout ?? connection.configuration.requestTimeout
    }
}

extension NATSConnection {
    /// JetStream over this connection.
    public var jetStream: JetStream { JetStream(self) }
}
