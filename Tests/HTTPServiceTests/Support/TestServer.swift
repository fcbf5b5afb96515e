import HTTPService
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// A server on a port of its own for the length of a test.
struct TestServer: Sendable {
    let port: Int
    let server: HTTPServer
    let group: ServiceGroup

    /// Settings for a free port, changed by `change`.
    static func configuration(_ change: (inout HTTPServerConfiguration) -> Void = { _ in }) -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration(host: "127.0.0.1", port: 0)
        configuration.shutdownGrace = .seconds(5)
        change(&configuration)
        return configuration
    }

    /// Starts the graceful shutdown, as SIGTERM does in a program.
    func shutDown() async {
        await group.triggerGracefulShutdown()
    }

    /// Runs `body` against a server and shuts it down.
    @discardableResult
    static func with<Result: Sendable>(
        routes: Router<BasicRequestContext> = Router(), fastLane: (any FastLane)? = nil,
        webSockets: [WebSocketRoute] = [], errorBodies: HTTPErrorBodies = .message,
        configuration: HTTPServerConfiguration = TestServer.configuration(),
        body: @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(
            configuration: configuration, routes: routes.buildResponder(), fastLane: fastLane, webSockets: webSockets,
            errorBodies: errorBodies, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let port = try await server.bind().port ?? 0
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result = try await body(TestServer(port: port, server: server, group: group))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }
}

/// Takes every POST and answers with what `answer` makes of it.
struct TestFastLane: FastLane {
    var bodyLimitBytes = 1 << 20
    var answer: @Sendable (FastLaneRequest) -> Void = { request in
        request.exchange.respond(HTTPReply(status: .ok, body: request.body))
    }

    func admit(_ head: RequestHead) -> FastLaneAdmission {
        guard head.method == .POST else { return .pass }
        if head.uri == "/refused" { return .refuse(HTTPReply(status: .unauthorized, body: ByteBuffer(string: "no"))) }
        return .take(bodyLimitBytes: bodyLimitBytes)
    }

    func handle(_ request: FastLaneRequest) {
        answer(request)
    }
}

/// Hands values from callbacks to a waiting test.
struct Signal<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func send(_ value: Value) {
        continuation.yield(value)
    }

    /// The next value; for one waiter at a time.
    func next() async -> Value? {
        for await value in stream { return value }
        return nil
    }
}
