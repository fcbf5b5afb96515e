public import NIOHTTP1

/// What a server does with WebSocket handshakes on one path.
public struct WebSocketRoute: Sendable {
    /// What becomes of a handshake.
    public enum Decision: Sendable {
        /// It is accepted, with these headers (such as a subprotocol) in the answer.
        case accept(HTTPHeaders)
        /// It is answered like an ordinary request.
        case refuse(HTTPReply)
    }

    /// The exact path.
    public let path: String
    /// Whether the handler reads messages. A route that only sends drops what comes in.
    public let readsMessages: Bool
    let configuration: WebSocketConfiguration
    private let authorize: @Sendable (HTTPRequestHead) -> Decision
    private let handle: @Sendable (WebSocketConnection) async -> Void

    /// Creates a route.
    ///
    /// - Parameters:
    ///   - path: The exact path.
    ///   - readsMessages: Whether `handle` reads the connection's messages.
    ///   - configuration: Limits and times.
    ///   - authorize: Accepts or refuses a handshake; called on the event loop.
    ///   - handle: Serves one connection. It is cancelled when the connection ends; when it returns, the connection is
    ///     closed.
    public init(
        path: String, readsMessages: Bool = true, configuration: WebSocketConfiguration = WebSocketConfiguration(),
        authorize: @escaping @Sendable (HTTPRequestHead) -> Decision = { _ in .accept([:]) },
        handle: @escaping @Sendable (WebSocketConnection) async -> Void
    ) {
        self.path = path
        self.readsMessages = readsMessages
        self.configuration = configuration
        self.authorize = authorize
        self.handle = handle
    }

    func decide(_ head: HTTPRequestHead) -> Decision {
        guard head.headers.first(name: "sec-websocket-version") == "13" else {
            return .refuse(HTTPReply(status: .upgradeRequired, headers: ["sec-websocket-version": "13"]))
        }
        guard let key = head.headers.first(name: "sec-websocket-key"), WebSocketHandshake.isValid(key: key) else {
            return .refuse(HTTPReply(status: .badRequest))
        }
        return authorize(head)
    }

    func run(_ connection: WebSocketConnection) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await handle(connection) }
            group.addTask { _ = await connection.closure }
            await group.next()
            group.cancelAll()
            connection.close()
        }
    }
}
