import Logging
import NATSClient
import NIOCore

/// Announces changes over core NATS: no stream and no acknowledgement; who misses one notices it by the epoch.
struct NATSDeltaPublisher: DeltaPublisher {
    let identity: String
    /// The connection, which a service group runs.
    let connection: NATSConnection

    /// Prepares a connection that is dialled in the background and for ever.
    init(
        _ messaging: ConfigServiceConfiguration.Messaging, identity: String, eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) throws {
        var configuration = try NATSConfiguration(servers: messaging.servers, name: identity)
        if let user = messaging.user, let password = messaging.password {
            configuration.credentials = .userPassword(user: user, password: password)
        }
        // A delta that waited out an outage would announce an epoch that has passed; the poll of the epoch heals better.
        configuration.whileDisconnected = .fail
        // Credentials may be rotated on the server's side; never give up.
        configuration.reconnect.maxAuthenticationErrors = nil
        self.identity = identity
        connection = NATSConnection(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger)
    }

    var isConnected: Bool { connection.status == .connected }

    func publish(_ payload: [UInt8], to subject: String) throws {
        try connection.publish(subject, payload: ByteBuffer(bytes: payload))
    }
}
