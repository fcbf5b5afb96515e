import Logging
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

    init(
        configuration: HTTPServerConfiguration, routes: RouteResponder, fastLane: (any FastLane)?,
        webSockets: [WebSocketRoute], errorBodies: HTTPErrorBodies, logger: Logger,
        tasks: AsyncStream<ServerTask>.Continuation
    ) {
        self.configuration = configuration
        self.routes = routes
        self.fastLane = fastLane
        self.webSockets = Dictionary(webSockets.map { ($0.path, $0) }) { _, last in last }
        self.errorBodies = errorBodies
        self.logger = logger
        self.tasks = tasks
    }
}
