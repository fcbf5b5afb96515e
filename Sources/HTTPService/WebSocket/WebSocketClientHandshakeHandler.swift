import NIOCore
import NIOHTTP1

/// Sends a client's handshake, checks the answer and makes room for frames. Confined to the event loop.
final class WebSocketClientHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let url: WebSocketURL
    private let headers: HTTPHeaders
    private let key = WebSocketHandshake.makeKey()
    private let configuration: WebSocketConfiguration
    private let timeout: TimeAmount
    private let encoder: HTTPRequestEncoder
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private var opened: EventLoopPromise<WebSocketChannelHandler.Session>?
    private var timer: Scheduled<Void>?

    private init(
        url: WebSocketURL, headers: HTTPHeaders, configuration: WebSocketConfiguration, timeout: TimeAmount,
        encoder: HTTPRequestEncoder, decoder: ByteToMessageHandler<HTTPResponseDecoder>,
        opened: EventLoopPromise<WebSocketChannelHandler.Session>
    ) {
        self.url = url
        self.headers = headers
        self.configuration = configuration
        self.timeout = timeout
        self.encoder = encoder
        self.decoder = decoder
        self.opened = opened
    }

    /// Builds the pipeline of a new connection.
    ///
    /// - Returns: A future of the open WebSocket.
    static func install(
        in channel: any Channel, url: WebSocketURL, headers: HTTPHeaders, configuration: WebSocketConfiguration,
        timeout: TimeAmount
    ) throws -> EventLoopFuture<WebSocketChannelHandler.Session> {
        let encoder = HTTPRequestEncoder()
        // The server's first frames may arrive together with its handshake.
        let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
        let opened = channel.eventLoop.makePromise(of: WebSocketChannelHandler.Session.self)
        let handler = WebSocketClientHandshakeHandler(
            url: url, headers: headers, configuration: configuration, timeout: timeout, encoder: encoder,
            decoder: decoder,
            opened: opened)
        do {
            try channel.pipeline.syncOperations.addHandlers([encoder, decoder, handler])
        } catch {
            opened.fail(error)
            throw error
        }
        return opened.futureResult
    }

    func channelActive(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
            self?.fail(WebSocketError.timedOut, context)
        }
        var headers = headers
        headers.replaceOrAdd(name: "host", value: url.hostHeader)
        headers.replaceOrAdd(name: "upgrade", value: "websocket")
        headers.replaceOrAdd(name: "connection", value: "Upgrade")
        headers.replaceOrAdd(name: "sec-websocket-key", value: key)
        headers.replaceOrAdd(name: "sec-websocket-version", value: "13")
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status == .switchingProtocols else {
                fail(WebSocketError.refused(status: Int(head.status.code)), context)
                return
            }
            guard head.headers.first(name: "sec-websocket-accept") == WebSocketHandshake.accept(forKey: key) else {
                fail(WebSocketError.invalidHandshake("sec-websocket-accept"), context)
                return
            }
            guard head.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) else {
                fail(WebSocketError.invalidHandshake("upgrade"), context)
                return
            }
        case .body:
            break
        case .end:
            upgrade(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(WebSocketError.closed(.abnormal), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error is HTTPParserError ? WebSocketError.invalidHandshake("not HTTP") : error, context)
    }

    /// Replaces HTTP with frames: first the decoder leaves, which takes a turn of the event loop, then the frame handlers
    /// take over what it has left.
    private func upgrade(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let pipeline = context.pipeline.syncOperations
        let leftOver = LeftOverBytesHandler()
        do {
            try pipeline.addHandler(leftOver, position: .after(decoder))
        } catch {
            fail(error, context)
            return
        }
        pipeline.removeHandler(encoder, promise: nil)
        pipeline.removeHandler(decoder).assumeIsolated().whenComplete { _ in
            self.install(behind: leftOver, context)
        }
    }

    private func install(behind leftOver: LeftOverBytesHandler, _ context: ChannelHandlerContext) {
        guard let opened else { return }
        self.opened = nil
        let pipeline = context.pipeline.syncOperations
        do {
            let session = try WebSocketChannelHandler.install(
                in: pipeline, position: .after(leftOver), channel: context.channel, role: .client,
                configuration: configuration, deliversMessages: true)
            pipeline.removeHandler(context: context, promise: nil)
            pipeline.removeHandler(leftOver, promise: nil)
            opened.succeed(session)
        } catch {
            opened.fail(error)
            context.close(promise: nil)
        }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        timer?.cancel()
        guard let opened else { return }
        self.opened = nil
        opened.fail(error)
        context.close(promise: nil)
    }
}
