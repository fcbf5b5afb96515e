public import Hummingbird
public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// The HTTP/1.1 listener of every binary: ordinary routes, a fast lane and WebSockets on one port.
///
/// Each connection is one channel handler around a state machine (``HTTPConnectionState``). It looks at every request
/// head and sends the request to one of three places: a WebSocket route (also on a connection that has already carried
/// requests), the ``FastLane``, or Hummingbird's router, whose handlers and middleware are ordinary async functions.
///
/// Shutdown: ``isDraining`` becomes true (readiness), the listener closes after the drain delay, idle connections close,
/// open requests are answered with `connection: close`, WebSockets get a close frame with code 1001. What is left after
/// the grace period is cut off.
public final class HTTPServer: Service {
    private struct State {
        var listener: (any Channel)?
        var hasRun = false
    }

    private let configuration: HTTPServerConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let shared: ConnectionServices
    private let tasks: AsyncStream<ServerTask>
    private let connections = ConnectionRegistry()
    private let refusals = ConnectionRefusals()
    private let state = Mutex(State())

    /// Creates a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: The address, limits and timeouts.
    ///   - routes: Answers the requests that neither the fast lane nor a WebSocket route takes.
    ///   - fastLane: Answers requests on the event loop, if there is one.
    ///   - webSockets: The WebSocket routes.
    ///   - errorBodies: How errors are worded that no handler produced.
    ///   - group: The event loops that serve connections; the caller shuts it down.
    ///   - logger: Where the server reports.
    public init<Responder: HTTPResponder>(
        configuration: HTTPServerConfiguration,
        routes: Responder,
        fastLane: (any FastLane)? = nil,
        webSockets: [WebSocketRoute] = [],
        errorBodies: HTTPErrorBodies = .message,
        group: any EventLoopGroup,
        logger: Logger
    ) where Responder.Context == BasicRequestContext {
        let (tasks, continuation) = AsyncStream.makeStream(of: ServerTask.self)
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.tasks = tasks
        shared = ConnectionServices(
            configuration: configuration,
            routes: RouteResponder(responder: routes, errorBodies: errorBodies, logger: logger),
            fastLane: fastLane, webSockets: webSockets, errorBodies: errorBodies, logger: logger, tasks: continuation,
            group: group)
    }

    /// Files that the process may open beyond its connections: logs, connections to other services, listeners.
    public static let connectionLimitHeadroom = 128

    /// How many connections are open, WebSockets among them.
    public var openConnections: Int { connections.count }

    /// True from the moment the server was told to shut down: what readiness probes ask for.
    public var isDraining: Bool { shared.isDraining.load(ordering: .relaxed) }

    /// Starts to listen. ``run()`` does it too if it has not been done; calling it first finds a port that is in use
    /// before anything else starts.
    ///
    /// - Returns: The address, with the port that the system chose if none was given.
    /// - Throws: ``HTTPServerError``
    @discardableResult
    public func bind() async throws -> SocketAddress {
        if let address = state.withLock({ $0.listener?.localAddress }) { return address }
        let (shared, connections, configuration, refusals) = (shared, connections, configuration, refusals)
        let limit = max(
            1, min(configuration.connectionLimit, System.raiseOpenFileLimit() - Self.connectionLimitHeadroom))
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Lets a client half-close after its request and still read the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.count < limit else {
                        return refusals.refuse(channel, limit: limit, logger: shared.logger)
                    }
                    try HTTPConnectionHandler.configure(channel, services: shared)
                    connections.add(channel)
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
        } catch let error as IOError {
            throw Self.bindError(error, configuration: configuration)
        } catch {
            throw HTTPServerError.cannotListen(
                host: configuration.host, port: configuration.port, reason: String(describing: error))
        }
        guard let address = channel.localAddress else {
            throw HTTPServerError.cannotListen(
                host: configuration.host, port: configuration.port, reason: "the listener has no address")
        }
        state.withLock { $0.listener = channel }
        return address
    }

    private static func bindError(_ error: IOError, configuration: HTTPServerConfiguration) -> HTTPServerError {
        switch error.errnoCode {
        case EADDRINUSE: .portInUse(host: configuration.host, port: configuration.port)
        case EACCES, EPERM: .permissionDenied(host: configuration.host, port: configuration.port)
        default:
            .cannotListen(host: configuration.host, port: configuration.port, reason: String(describing: error))
        }
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: ``HTTPServerError`` when it cannot listen.
    public func run() async throws {
        let isFirst = state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        precondition(isFirst, "an HTTPServer runs once")

        let address = try await bind()
        logger.info("listening", metadata: ["host": "\(configuration.host)", "port": "\(address.port ?? 0)"])

        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runTasks() }
            do {
                try await gracefulShutdown()
                await self.drain()
            } catch {
                // Cancelled: no time for manners.
                self.stopListening()
                _ = self.connections.closeAll()
            }
            self.shared.tasks.finish()
            group.cancelAll()
        }
        logger.debug("stopped listening", metadata: ["port": "\(address.port ?? 0)"])
    }

    /// Runs the route handlers and WebSocket sessions that connections start, each as a child task.
    private func runTasks() async {
        await withDiscardingTaskGroup { group in
            for await task in tasks {
                group.addTask { await task.run() }
            }
        }
    }

    private func stopListening() {
        state.withLock { $0.listener }?.close(promise: nil)
    }

    private func drain() async {
        shared.isDraining.store(true, ordering: .relaxed)
        if configuration.drainDelay > .zero {
            // A cancellation only shortens the delay.
            try? await Task.sleep(for: configuration.drainDelay)
        }
        stopListening()

        let eventLoop = group.next()
        let allClosed = connections.drain(on: eventLoop)
        let (connections, logger) = (connections, logger)
        let cutOff = eventLoop.scheduleTask(in: TimeAmount(configuration.shutdownGrace)) {
            let count = connections.closeAll()
            logger.warning("shutdown grace is over: connections cut off", metadata: ["connections": "\(count)"])
        }
        try? await allClosed.get()
        cutOff.cancel()
    }
}

/// One piece of async work that a connection starts.
struct ServerTask: Sendable {
    let run: @Sendable () async -> Void
}
