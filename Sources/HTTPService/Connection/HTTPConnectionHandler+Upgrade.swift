import Logging
import NIOCore
import NIOHTTP1
import Synchronization

extension HTTPConnectionHandler {
    /// Accepts a WebSocket handshake: this handler leaves, and the frames' handlers take its place.
    func upgrade(
        to route: WebSocketRoute, headers: HTTPHeaders, head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        guard let key = head.headers.first(name: "sec-websocket-key") else { return }
        var headers = headers
        headers.replaceOrAdd(name: "upgrade", value: "websocket")
        headers.replaceOrAdd(name: "connection", value: "upgrade")
        headers.replaceOrAdd(name: "sec-websocket-accept", value: WebSocketHandshake.accept(forKey: key))
        var answer = ByteBuffer()
        answer.writeStatusLine(.switchingProtocols, version: .http1_1)
        var writer = HTTPFieldWriter(buffer: answer)
        writer.add(headers)
        writer.buffer.writeStaticString("\r\n")
        write(writer.buffer, promise: nil, context)
        context.flush()
        state.upgrade()

        let pipeline = context.pipeline.syncOperations
        let channel = context.channel
        do {
            let session = try WebSocketChannelHandler.install(
                in: pipeline, position: .after(self), channel: channel, role: .server,
                configuration: route.configuration,
                deliversMessages: route.readsMessages)
            pipeline.removeHandler(context: context, promise: nil)
            let connection = WebSocketConnection(session: session, requestHead: head)
            services.tasks.yield(ServerTask { await route.run(connection) })
            if services.isDraining.load(ordering: .relaxed) {
                channel.pipeline.fireUserInboundEventTriggered(ConnectionDrainEvent())
            }
        } catch {
            services.logger.error("cannot upgrade to WebSocket", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }
}
