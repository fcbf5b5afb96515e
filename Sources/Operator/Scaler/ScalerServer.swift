import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Observability
import ServiceLifecycle

/// Serves KEDA: gRPC over HTTP/2, with TLS where there is a certificate for it.
///
/// By hand over NIOHTTP2, because of gRPC this needs five small messages, unary calls and one kind of stream. grpc-swift
/// brings a runtime, a transport and Protocol Buffers with generated code: some twenty more modules to build and to carry,
/// for what is here in a few files that can be read and fuzzed.
package final class ScalerServer: Service {
    /// How long connections may take to end.
    private static let graceTime = TimeAmount.seconds(5)
    /// After how long what is left is cut off.
    private static let longestEnd = Duration.seconds(6)
    /// Calls on one connection: KEDA has one stream for each ScaledObject and a few short calls.
    private static let concurrentStreams = 4096
    private static let mostConnections = 256

    private let host: String
    private let port: Int
    private let group: any EventLoopGroup
    private let feed: DemandFeed
    private let tls: ScalerTLS?
    private let streams: Gauge?
    private let logger: Logger
    private let listener = NIOLockedValueBox<(any Channel)?>(nil)
    private let connections = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    /// - Parameters:
    ///   - tls: nil for connections in the clear.
    ///   - streams: counts the calls that stay open.
    ///   - group: the caller shuts it down.
    package init(
        host: String, port: Int, feed: DemandFeed, tls: ScalerTLS? = nil, streams: Gauge? = nil,
        group: any EventLoopGroup, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.group = group
        self.feed = feed
        self.tls = tls
        self.streams = streams
        self.logger = logger
    }

    /// Starts to listen.
    ///
    /// - Returns: the port, which the system has chosen where none was given.
    @discardableResult
    package func bind() async throws -> Int {
        if let port = listener.withLockedValue({ $0?.localAddress?.port }) { return port }
        let (feed, tls, streams, connections) = (feed, tls, streams, connections)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.withLockedValue({ $0.count < Self.mostConnections }) else {
                        channel.close(promise: nil)
                        return
                    }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context()))
                    }
                    try Self.configure(channel, feed, streams)
                    let id = ObjectIdentifier(channel)
                    connections.withLockedValue { $0[id] = channel }
                    channel.closeFuture.whenComplete { _ in
                        connections.withLockedValue { _ = $0.removeValue(forKey: id) }
                    }
                }
            }
            .bind(host: host, port: port).get()
        listener.withLockedValue { $0 = channel }
        return channel.localAddress?.port ?? port
    }

    private static func configure(_ channel: any Channel, _ feed: DemandFeed, _ streams: Gauge?) throws {
        // Ends connections in good order, and those whose other end has gone without a word.
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: graceTime,
                keepalive: .init(pingInterval: .seconds(60), ackTimeout: .seconds(20))))
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: concurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16 << 10),
        ]
        let pipeline = channel.pipeline.syncOperations
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection, streamConfiguration: .init(),
            streamDelegate: management.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(ScalerStreamHandler(feed, streams: streams))
            }
        }
        try pipeline.addHandler(management)
    }

    /// Serves until the service group shuts down; then every stream ends with UNAVAILABLE and every connection with GOAWAY.
    package func run() async throws {
        let port = try await bind()
        logger.info(
            "Serving KEDA", metadata: ["port": .stringConvertible(port), "tls": .stringConvertible(tls != nil)])
        try? await gracefulShutdown()
        let listening = listener.withLockedValue { $0 }
        try? await listening?.close().get()
        let open = connections.withLockedValue { Array($0.values) }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for channel in open { try? await channel.closeFuture.get() } }
            // Who has gone without a word says nothing about it either.
            group.addTask { try? await Task.sleep(for: Self.longestEnd) }
            await group.next()
            for channel in open { channel.close(promise: nil) }
            group.cancelAll()
        }
    }
}
