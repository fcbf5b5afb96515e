import Logging
import NIOCore
import NIOHTTP1

/// Drives an ``HTTPRequestParser`` and an ``HTTPConnectionState``: performs their actions on the channel and hands
/// requests to their destination. The only handler of a connection, until one becomes a WebSocket.
///
/// Bytes that belong to later requests stay in the parser until the request before is answered.
///
/// Confined to the connection's event loop.
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The request that is being received or answered. A class, because it is looked at many times: each look at a
    /// structure in a class's variable copies the whole of it.
    final class Open {
        let head: RequestHead
        let destination: HTTPRequestDestination
        let receivedAt: NIODeadline
        var body: ByteBuffer?
        var onDisconnect: (@Sendable () -> Void)?
        /// The answer is sent in chunks.
        var isChunked = false

        init(head: RequestHead, destination: HTTPRequestDestination, receivedAt: NIODeadline) {
            self.head = head
            self.destination = destination
            self.receivedAt = receivedAt
        }
    }

    /// Bytes of later requests that may wait in the parser before reading stops; a whole head has always room.
    private let backlogLimitBytes: Int
    /// What is set aside for a body before its first byte has come, whatever its length claims to be.
    private static let firstReservationBytes = 1 << 20

    let services: ConnectionServices
    let loop: ConnectionLoop

    var context: ChannelHandlerContext?
    var state: HTTPConnectionState
    var open: Open?
    private var parser: HTTPRequestParser
    private var readIsHeld = false
    /// Whether the channel takes more.
    private var isWritable = true
    private var isProcessing = false
    var timer: Scheduled<Void>?
    var timerDeadline: NIODeadline?
    var writeTimer: Scheduled<Void>?
    /// Set while bytes wait for a client that does not take them.
    var writeProgress: WriteProgress?
    /// The socket while it is open; nil for a channel that has none.
    var socket: NIOBSDSocket.Handle?
    /// An answer that is sent at the end of this turn.
    var unsent: ByteBuffer?
    /// Whether bytes went through the channel, which may still have some of them.
    var usesChannel = false
    /// This handler for those who answer from elsewhere.
    private var bound: NIOLoopBound<HTTPConnectionHandler>?

    private init(services: ConnectionServices, eventLoop: any EventLoop) {
        self.services = services
        loop = services.loop(of: eventLoop)
        let configuration = services.configuration
        var limits = HTTPConnectionState.Limits(
            idleTimeout: TimeAmount(configuration.idleTimeout), bodyTimeout: TimeAmount(configuration.bodyTimeout))
        limits.headTimeout = TimeAmount(configuration.headTimeout)
        limits.minimumBytesPerSecond = configuration.minimumBytesPerSecond
        state = HTTPConnectionState(limits: limits, now: .now())
        var parserLimits = HTTPRequestParser.Limits()
        parserLimits.fieldBytes = configuration.headerFieldLimitBytes
        parserLimits.headBytes = configuration.headerListLimitBytes
        parserLimits.fieldCount = configuration.headerCountLimit
        parser = HTTPRequestParser(limits: parserLimits)
        backlogLimitBytes = max(64 << 10, parserLimits.headBytes)
    }

    /// Builds the pipeline of an accepted connection. Call on its event loop.
    static func configure(_ channel: any Channel, services: ConnectionServices) throws {
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionHandler(services: services, eventLoop: channel.eventLoop))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        socket = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            $0
        }
        updateTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        cancelTimers()
        bound = nil
        self.context = nil
    }

    /// A WebSocket takes over: what came with its handshake is its first bytes.
    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        let rest = parser.takeRest()
        if rest.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.leavePipeline(removalToken: removalToken)
    }

    // MARK: inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !state.isClosed else { return }
        parser.feed(unwrapInboundIn(data))
        process(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable {
            if !state.isClosed { writeProgress = nil }
            process(context)
        } else {
            watchWrites(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        guard parser.bufferedBytes <= backlogLimitBytes else {
            readIsHeld = true
            return
        }
        context.read()
    }

    /// Goes through what has arrived. Requests wait for the answer before theirs, and while their client does not take
    /// the answers it has.
    func process(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        let now = NIODeadline.now()
        while !state.mustHoldNextRequest, !state.isOver, open != nil || isWritable {
            do throws(HTTPRequestFailure) {
                guard let event = try parser.next() else {
                    if parser.hasPartialHead { state.receivePartialHead(now: now) }
                    break
                }
                process(event, now: now, context)
            } catch {
                perform(state.inputFailed(), context, failure: error)
                break
            }
        }
        guard !state.isOver else { return }
        if readIsHeld, parser.bufferedBytes <= backlogLimitBytes {
            readIsHeld = false
            context.read()
        }
        updateTimer(context)
    }

    /// - Parameter now: when what has arrived is looked at.
    private func process(
        _ event: HTTPRequestParser.Event, now: NIODeadline, _ context: ChannelHandlerContext
    ) {
        switch event {
        case .head(let head): processHead(head, now: now, context)
        case .body(let buffer): processBody(buffer, now: now)
        case .end: processEnd(now: now, context)
        }
    }

    private func processHead(_ head: RequestHead, now: NIODeadline, _ context: ChannelHandlerContext) {
        let destination = destination(of: head)
        open = Open(head: head, destination: destination, receivedAt: now)
        let bodyLimit: Int
        var isRefused = false
        // Who asks for a protocol we do not speak may go on in it.
        var keepsAlive = head.framing.keepsAlive && !head.framing.hasUpgrade
        switch destination {
        case .routes: bodyLimit = services.configuration.routeBodyLimitBytes
        case .fastLane(_, let limit): bodyLimit = limit
        case .webSocket:
            bodyLimit = 0
            keepsAlive = head.framing.keepsAlive
        case .refused:
            bodyLimit = 0
            isRefused = true
        }
        let facts = HTTPConnectionState.Head(
            contentLength: head.framing.contentLength, isChunked: head.framing.isChunked,
            expectsContinue: head.framing.expectsContinue, keepsAlive: keepsAlive)
        switch state.receive(head: facts, bodyLimitBytes: bodyLimit, isRefused: isRefused, now: now) {
        case .receive: break
        case .sendContinue:
            write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"), promise: nil, context)
            context.flush()
        case .refuse:
            if case .refused(let reply) = destination { send(reply, exchange: state.exchangeID) }
        case .refuseBody(let limit):
            refuseBody(limitBytes: limit)
        }
    }

    private func processBody(_ buffer: ByteBuffer, now: NIODeadline) {
        switch state.receive(bodyBytes: buffer.readableBytes, now: now) {
        case .append:
            if open?.body == nil {
                let body = firstPart(buffer)
                open?.body = body
            } else {
                open?.body?.writeImmutableBuffer(buffer)
            }
        case .discard: break
        case .refuseBody(let limit):
            open?.body = nil
            refuseBody(limitBytes: limit)
        }
    }

    /// The first part of a body: as it is if it is the whole body, else in a buffer with room for more.
    private func firstPart(_ buffer: ByteBuffer) -> ByteBuffer {
        let length = open?.head.framing.contentLength
        if let length, length <= buffer.readableBytes { return buffer }
        var body = ByteBuffer()
        body.reserveCapacity(max(min(length ?? 0, Self.firstReservationBytes), buffer.readableBytes * 2))
        body.writeImmutableBuffer(buffer)
        return body
    }

    private func processEnd(now: NIODeadline, _ context: ChannelHandlerContext) {
        switch state.receiveEnd(now: now) {
        case .wait: break
        case .dispatch: dispatch(context)
        case .next: open = nil
        case .close: close(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            perform(state.inputClosed(), context)
        case is ConnectionDrainEvent:
            perform(state.drain(), context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        // From here on the number may be another connection's.
        socket = nil
        unsent = nil
        _ = parser.takeRest()
        if state.becameInactive() { open?.onDisconnect?() }
        open = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset connection and the like; channelInactive follows.
        services.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func perform(
        _ action: HTTPConnectionState.InterruptAction, _ context: ChannelHandlerContext,
        failure: HTTPRequestFailure = .bodyTimedOut
    ) {
        switch action {
        case .none: break
        case .close:
            _ = parser.takeRest()
            close(context)
        case .disconnected:
            guard let callback = open?.onDisconnect else { break }
            open?.onDisconnect = nil
            callback()
            close(context)
        case .fail:
            send(services.errorBodies.reply(to: failure), exchange: state.exchangeID)
        case .failHead:
            send(services.errorBodies.reply(to: .headTimedOut), exchange: state.exchangeID)
        }
        updateTimer(context)
    }

    /// Closes the connection, but not before the answers of this turn of the event loop, which wait for its end.
    private func close(_ context: ChannelHandlerContext) {
        sendUnsent()
        context.close(promise: nil)
    }

    // MARK: destinations

    private func destination(of head: RequestHead) -> HTTPRequestDestination {
        if head.requestsWebSocket, let route = services.webSockets[head.path] {
            let head = HTTPRequestHead(head)
            switch route.decide(head) {
            case .accept(let headers): return .webSocket(route, head: head, accept: headers)
            case .refuse(let reply): return .refused(reply)
            }
        }
        guard let fastLane = services.fastLane else { return .routes }
        switch fastLane.admit(head) {
        case .pass: return .routes
        case .take(let limit): return .fastLane(fastLane, bodyLimitBytes: limit)
        case .refuse(let reply): return .refused(reply)
        }
    }

    private func dispatch(_ context: ChannelHandlerContext) {
        guard let request = open, let bound else { return }
        let exchange = HTTPExchange(handler: bound, id: state.exchangeID, eventLoop: context.eventLoop)
        let body = request.body ?? ByteBuffer()
        // The request owns its body from here on.
        open?.body = nil
        switch request.destination {
        case .fastLane(let fastLane, _):
            fastLane.handle(
                FastLaneRequest(head: request.head, body: body, receivedAt: request.receivedAt, exchange: exchange))
        case .routes:
            let (routes, channel, head) = (services.routes, context.channel, request.head)
            services.tasks.yield(
                ServerTask { await routes.respond(to: head, body: body, exchange: exchange, channel: channel) })
        case .webSocket(let route, let head, let headers):
            upgrade(to: route, headers: headers, head: head, context)
        case .refused:
            break
        }
    }

    private func refuseBody(limitBytes: Int) {
        guard let request = open else { return }
        if case .fastLane(let fastLane, _) = request.destination,
            let reply = fastLane.replyToOversizedBody(of: request.head, limitBytes: limitBytes)
        {
            send(reply, exchange: state.exchangeID)
        } else {
            send(services.errorBodies.reply(to: .bodyTooLarge(limitBytes: limitBytes)), exchange: state.exchangeID)
        }
    }
}

extension RequestHead {
    /// The path without the query, as it came.
    fileprivate var path: String {
        let uri = uri
        guard let question = uri.utf8.firstIndex(of: UInt8(ascii: "?")) else { return uri }
        return String(uri[..<question])
    }

    /// RFC 6455 section 4.2.1.
    fileprivate var requestsWebSocket: Bool {
        guard framing.hasUpgrade, method == .GET, version == .http1_1 else { return false }
        let headers = headers
        return headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }
}
