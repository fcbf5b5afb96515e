import NIOCore
public import NIOHTTP1

/// An open WebSocket, seen from either side. Pings are answered and dead peers found without its user's doing.
public struct WebSocketConnection: Sendable {
    private let session: WebSocketChannelHandler.Session

    /// The request that opened it (server side).
    public let requestHead: HTTPRequestHead?

    init(session: WebSocketChannelHandler.Session, requestHead: HTTPRequestHead?) {
        self.session = session
        self.requestHead = requestHead
    }

    /// The messages of the peer; none if the route was declared not to read any.
    public var messages: WebSocketMessages? { session.messages }

    /// Sends one message and returns when it is handed to the system, so that a slow peer slows the sender.
    ///
    /// - Throws: ``WebSocketError/closed(_:)``
    public func send(_ message: WebSocketMessage) async throws {
        let (handler, eventLoop) = (session.handler, session.channel.eventLoop)
        do {
            try await eventLoop.flatSubmit {
                let promise = eventLoop.makePromise(of: Void.self)
                handler.value.send(message, promise: promise)
                return promise.futureResult
            }.get()
        } catch let error as WebSocketError {
            throw error
        } catch {
            throw WebSocketError.closed(.abnormal)
        }
    }

    /// Starts the closing handshake; ``closure`` tells when it is done.
    public func close(_ closure: WebSocketClosure = .normal) {
        let handler = session.handler
        session.channel.eventLoop.execute { handler.value.close(closure) }
    }

    /// Waits for the end of the WebSocket and returns how it came.
    public var closure: WebSocketClosure {
        get async {
            (try? await session.closure.get()) ?? .abnormal
        }
    }
}
