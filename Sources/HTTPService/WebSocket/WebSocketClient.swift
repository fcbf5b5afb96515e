public import NIOCore
public import NIOHTTP1
import NIOPosix

/// Opens WebSockets to servers, over plain TCP.
public enum WebSocketClient {
    /// Opens a WebSocket, runs `body` with it, and closes it again.
    ///
    /// - Parameters:
    ///   - url: `ws://host[:port]/path`; `http://` means the same.
    ///   - headers: Further header fields of the handshake.
    ///   - configuration: Limits and times.
    ///   - group: The event loops; the connection lives on one of them.
    ///   - body: Uses the connection. It is not cancelled when the connection ends: its messages end then.
    /// - Throws: ``WebSocketError``, the connection's I/O error, or what `body` throws.
    public static func withConnection<Result: Sendable>(
        to url: String, headers: HTTPHeaders = [:], configuration: WebSocketConfiguration = WebSocketConfiguration(),
        group: any EventLoopGroup, body: (WebSocketConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(to: url, headers: headers, configuration: configuration, group: group)
        return try await withTaskCancellationHandler {
            do {
                let result = try await body(connection)
                connection.close()
                _ = await connection.closure
                return result
            } catch {
                connection.close(.goingAway)
                _ = await connection.closure
                throw error
            }
        } onCancel: {
            connection.close(.goingAway)
        }
    }

    private static func connect(
        to url: String, headers: HTTPHeaders, configuration: WebSocketConfiguration, group: any EventLoopGroup
    ) async throws -> WebSocketConnection {
        let url = try WebSocketURL(url)
        let timeout = TimeAmount(configuration.connectTimeout)
        let opened = try await ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: url.host, port: url.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try WebSocketClientHandshakeHandler.install(
                        in: channel, url: url, headers: headers, configuration: configuration, timeout: timeout)
                }
            }
        return try await WebSocketConnection(session: opened.get(), requestHead: nil)
    }
}
