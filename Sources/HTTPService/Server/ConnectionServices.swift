import Logging
import NIOCore
import Synchronization

/// What all connections of a server share.
final class ConnectionServices: Sendable {
    let configuration: HTTPServerConfiguration
    let routes: RouteResponder
    let fastLane: (any FastLane)?
    let webSockets: [String: WebSocketRoute]
    let errorBodies: HTTPErrorBodies
    let logger: Logger
    let tasks: AsyncStream<ServerTask>.Continuation
    let isDraining = Atomic<Bool>(false)
    private let loops: [ObjectIdentifier: ConnectionLoop]

    init(
        configuration: HTTPServerConfiguration, routes: RouteResponder, fastLane: (any FastLane)?,
        webSockets: [WebSocketRoute], errorBodies: HTTPErrorBodies, logger: Logger,
        tasks: AsyncStream<ServerTask>.Continuation, group: any EventLoopGroup
    ) {
        self.configuration = configuration
        self.routes = routes
        self.fastLane = fastLane
        self.webSockets = Dictionary(webSockets.map { ($0.path, $0) }) { _, last in last }
        self.errorBodies = errorBodies
        self.logger = logger
        self.tasks = tasks
        loops = Dictionary(
            group.makeIterator().map { (ObjectIdentifier($0), ConnectionLoop(eventLoop: $0)) }
        ) { first, _ in first }
    }

    /// What the connections of an event loop share; one that is not of the server's group has it for each connection.
    func loop(of eventLoop: any EventLoop) -> ConnectionLoop {
        loops[ObjectIdentifier(eventLoop)] ?? ConnectionLoop(eventLoop: eventLoop)
    }
}
