import HTTPService
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Wire

/// A worker's `/ws/status` as a gateway sees it: what a test says, it pushes to whoever is connected.
final class StatusServer: Sendable {
    private struct State {
        var connections: [AsyncStream<WebSocketMessage?>.Continuation] = []
    }

    let port: Int
    private let state: Box
    private let group: ServiceGroup

    /// Shared with the route, which exists before the server does.
    private final class Box: Sendable {
        let state = Mutex(State())
        let connected: AsyncStream<Void>.Continuation

        init(connected: AsyncStream<Void>.Continuation) { self.connected = connected }
    }

    /// One element for each connection that was made.
    let connections: AsyncStream<Void>

    var url: String { "http://127.0.0.1:\(port)" }

    private init(port: Int, state: Box, connections: AsyncStream<Void>, group: ServiceGroup) {
        self.port = port
        self.state = state
        self.connections = connections
        self.group = group
    }

    /// Serves for the length of `body`.
    static func with<Value: Sendable>(
        host: String = "127.0.0.1", _ body: @Sendable (StatusServer) async throws -> Value
    ) async throws -> Value {
        let logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
        let (connections, connected) = AsyncStream.makeStream(of: Void.self)
        let box = Box(connected: connected)
        let route = WebSocketRoute(path: "/ws/status", readsMessages: false) { connection in
            let (messages, continuation) = AsyncStream.makeStream(of: WebSocketMessage?.self)
            box.state.withLock { $0.connections.append(continuation) }
            box.connected.yield()
            for await message in messages {
                guard let message else { return }
                try? await connection.send(message)
            }
        }
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(host: host, port: 0),
            routes: Router().buildResponder(), webSockets: [route], group: MultiThreadedEventLoopGroup.singleton,
            logger: logger)
        let port = try await server.bind().port ?? 0
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let value: Value
            do {
                value = try await body(StatusServer(port: port, state: box, connections: connections, group: group))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return value
        }
    }

    func send(_ message: WebSocketMessage) {
        state.state.withLock { state in
            for connection in state.connections { connection.yield(message) }
        }
    }

    func send(_ status: WorkerStatus) { send(.text(String(decoding: status.encodedJSON(), as: UTF8.self))) }

    /// Closes every connection.
    func hangUp() {
        state.state.withLock { state in
            for connection in state.connections { connection.yield(nil) }
            state.connections = []
        }
    }
}
