import NIOCore

/// The settings of one HTTP listener.
public struct HTTPServerConfiguration: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 lets the system choose.
    public var port: Int
    /// How many connections may wait to be accepted.
    public var backlog = 1024
    /// How many connections may be open at once; one more is answered with 503 and closed. The number of files that the
    /// process may open limits it too: ``HTTPServer/connectionLimitHeadroom`` of them are left for other uses.
    public var connectionLimit = 16_384

    /// The largest body of a request that goes to the router.
    public var routeBodyLimitBytes = 16 << 20
    /// The largest single header field, name and value.
    public var headerFieldLimitBytes = 32 << 10
    /// The largest sum of all header fields of a request.
    public var headerListLimitBytes = 64 << 10
    /// The largest number of header fields.
    public var headerCountLimit = 200

    /// How long a connection may stay open without a request. Load balancers reuse connections for up to 60 s, and the
    /// server must be the later one to give up.
    public var idleTimeout: Duration = .seconds(180)
    /// How long the head of a request may take, from its first bytes to its end.
    public var headTimeout: Duration = .seconds(30)
    /// How long a request's body may make no progress.
    public var bodyTimeout: Duration = .seconds(60)
    /// How long a client may take nothing of its answer.
    public var writeTimeout: Duration = .seconds(60)
    /// The slowest transfer, of a body or of an answer, that is put up with after a first grace of ``bodyTimeout`` or
    /// ``writeTimeout``.
    public var minimumBytesPerSecond = 240
    /// How long, after SIGTERM, new connections are still accepted, so that load balancers can notice the failing
    /// readiness first.
    public var drainDelay: Duration = .zero
    /// How long open requests may take to finish once the listener is closed; what is left is then cut off.
    public var shutdownGrace: Duration = .seconds(25)

    /// Creates settings.
    public init(host: String = "0.0.0.0", port: Int = 8080) {
        self.host = host
        self.port = port
    }

    /// The number of event loops that suits this machine: one on up to two cores (measured: same throughput and a better
    /// 99th percentile than two), else one per core.
    public static var defaultEventLoopCount: Int {
        let cores = System.coreCount
        return cores <= 2 ? 1 : cores
    }
}
