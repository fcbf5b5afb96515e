import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Drives ``HTTPConnectionState``: performs its actions on the channel and hands requests to their destination.
///
/// Confined to the connection's event loop.
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The request that is being received or answered.
    private struct Open {
        let head: HTTPRequestHead
        let destination: HTTPRequestDestination
        let receivedAt: NIODeadline
        var body: ByteBuffer?
        var onDisconnect: (@Sendable () -> Void)?
    }

    /// Bytes of later requests that may wait here before reading stops.
    private static let backlogLimitBytes = 64 << 10
    /// What is set aside for a body before its first byte has come, whatever its length claims to be.
    private static let firstReservationBytes = 1 << 20

    private let services: ConnectionServices
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>

    private var context: ChannelHandlerContext?
    private var state: HTTPConnectionState
    private var open: Open?
    private var backlog = CircularBuffer<HTTPServerRequestPart>()
    private var backlogBytes = 0
    private var readIsHeld = false
    private var isProcessing = false
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    /// Whether the read that is going on has brought a part of a request.
    private var readBroughtParts = false
    /// Set while bytes wait for a client that does not take them.
    private var writeProgress: WriteProgress?
    private var date = HTTPDateCache()

    private init(
        services: ConnectionServices, encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>
    ) {
        self.services = services
        self.encoder = encoder
        self.decoder = decoder
        let configuration = services.configuration
        var limits = HTTPConnectionState.Limits(
            idleTimeout: TimeAmount(configuration.idleTimeout), bodyTimeout: TimeAmount(configuration.bodyTimeout))
        limits.headTimeout = TimeAmount(configuration.headTimeout)
        limits.minimumBytesPerSecond = configuration.minimumBytesPerSecond
        state = HTTPConnectionState(limits: limits, now: .now())
    }

    /// Builds the pipeline of an accepted connection. Call on its event loop.
    static func configure(_ channel: any Channel, services: ConnectionServices) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = services.configuration.headerFieldLimitBytes
        limits.maxHeaderListSize = services.configuration.headerListLimitBytes
        limits.maxHeaderFieldCount = services.configuration.headerCountLimit
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(
                // The first frames of a WebSocket may arrive together with its handshake.
                leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .drop, limitConfiguration: limits))
        let handler = HTTPConnectionHandler(services: services, encoder: encoder, decoder: decoder)
        try channel.pipeline.syncOperations.addHandlers([encoder, decoder, handler])
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        updateTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        self.context = nil
    }

    // MARK: inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        readBroughtParts = true
        guard !state.isClosed else { return }
        if mustHold(part, context) || !backlog.isEmpty || isProcessing {
            if case .body(let buffer) = part { backlogBytes += buffer.readableBytes }
            backlog.append(part)
        } else {
            isProcessing = true
            process(part, context)
            isProcessing = false
            processBacklog(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !readBroughtParts {
            // The decoder keeps the beginning of a head.
            state.receivePartialHead(now: .now())
            updateTimer(context)
        }
        readBroughtParts = false
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            if !state.isClosed { writeProgress = nil }
            processBacklog(context)
        } else {
            watchWrites(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        guard backlogBytes <= Self.backlogLimitBytes, backlog.count <= 1024 else {
            readIsHeld = true
            return
        }
        context.read()
    }

    /// Requests wait for the answer before theirs, and while their client does not take the answers it has.
    private func mustHold(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) -> Bool {
        if state.mustHoldNextRequest { return true }
        guard case .head = part else { return false }
        return !context.channel.isWritable
    }

    private func processBacklog(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        while let part = backlog.first, !mustHold(part, context), !state.isClosed {
            backlog.removeFirst()
            if case .body(let buffer) = part { backlogBytes -= buffer.readableBytes }
            process(part, context)
        }
        isProcessing = false
        if readIsHeld, backlog.isEmpty, !state.isClosed {
            readIsHeld = false
            context.read()
        }
        updateTimer(context)
    }

    private func process(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): processHead(head, context)
        case .body(let buffer): processBody(buffer, context)
        case .end: processEnd(context)
        }
    }

    private func processHead(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let destination = destination(of: head)
        let now = NIODeadline.now()
        open = Open(head: head, destination: destination, receivedAt: now)
        let bodyLimit: Int
        var isRefused = false
        var switchesProtocol = head.requestsProtocolSwitch
        switch destination {
        case .routes: bodyLimit = services.configuration.routeBodyLimitBytes
        case .fastLane(_, let limit): bodyLimit = limit
        case .webSocket:
            bodyLimit = 0
            switchesProtocol = false
        case .refused:
            bodyLimit = 0
            isRefused = true
        }
        let facts = HTTPConnectionState.Head(
            contentLength: head.headers.first(name: "content-length").flatMap { Int($0) },
            isChunked: head.headers.contains(name: "transfer-encoding"),
            expectsContinue: head.headers.first(name: "expect")?.lowercased() == "100-continue",
            keepsAlive: head.isKeepAlive && !switchesProtocol)
        switch state.receive(head: facts, bodyLimitBytes: bodyLimit, isRefused: isRefused, now: now) {
        case .receive: break
        case .sendContinue:
            context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
        case .refuse:
            if case .refused(let reply) = destination { send(reply, exchange: state.exchangeID) }
        case .refuseBody(let limit):
            refuseBody(limitBytes: limit)
        }
    }

    private func processBody(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        switch state.receive(bodyBytes: buffer.readableBytes, now: .now()) {
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
        let length = open?.head.headers.first(name: "content-length").flatMap { Int($0) }
        if let length, length <= buffer.readableBytes { return buffer }
        var body = ByteBuffer()
        body.reserveCapacity(max(min(length ?? 0, Self.firstReservationBytes), buffer.readableBytes * 2))
        body.writeImmutableBuffer(buffer)
        return body
    }

    private func processEnd(_ context: ChannelHandlerContext) {
        switch state.receiveEnd(now: .now()) {
        case .wait: break
        case .dispatch: dispatch(context)
        case .next: open = nil
        case .close: context.close(promise: nil)
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
        timer?.cancel()
        timer = nil
        backlog.removeAll()
        if state.becameInactive() { open?.onDisconnect?() }
        open = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let parserError = error as? HTTPParserError else {
            // A reset connection and the like; channelInactive follows.
            services.logger.debug("connection failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        let failure: HTTPRequestFailure = parserError == .headerOverflow ? .headersTooLarge : .malformed
        perform(state.inputFailed(), context, failure: failure)
    }

    private func perform(
        _ action: HTTPConnectionState.InterruptAction, _ context: ChannelHandlerContext,
        failure: HTTPRequestFailure = .bodyTimedOut
    ) {
        switch action {
        case .none: break
        case .close:
            backlog.removeAll()
            context.close(promise: nil)
        case .disconnected:
            guard let callback = open?.onDisconnect else { break }
            open?.onDisconnect = nil
            callback()
            context.close(promise: nil)
        case .fail:
            send(services.errorBodies.reply(to: failure), exchange: state.exchangeID)
        case .failHead:
            send(services.errorBodies.reply(to: .headTimedOut), exchange: state.exchangeID)
        }
        updateTimer(context)
    }

    // MARK: destinations

    private func destination(of head: HTTPRequestHead) -> HTTPRequestDestination {
        if head.requestsWebSocket, let route = services.webSockets[head.path] {
            switch route.decide(head) {
            case .accept(let headers): return .webSocket(route, accept: headers)
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
        guard let request = open else { return }
        let exchange = HTTPExchange(
            handler: NIOLoopBound(self, eventLoop: context.eventLoop), id: state.exchangeID,
            eventLoop: context.eventLoop)
        let body = request.body ?? ByteBuffer()
        // The request owns its body from here on.
        open?.body = nil
        switch request.destination {
        case .fastLane(let fastLane, _):
            fastLane.handle(
                FastLaneRequest(head: request.head, body: body, receivedAt: request.receivedAt, exchange: exchange))
        case .routes:
            let (routes, channel) = (services.routes, context.channel)
            services.tasks.yield(
                ServerTask { await routes.respond(to: request.head, body: body, exchange: exchange, channel: channel) })
        case .webSocket(let route, let headers):
            upgrade(to: route, headers: headers, head: request.head, context)
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

    private func upgrade(
        to route: WebSocketRoute, headers: HTTPHeaders, head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        guard let key = head.headers.first(name: "sec-websocket-key") else { return }
        var headers = headers
        headers.replaceOrAdd(name: "upgrade", value: "websocket")
        headers.replaceOrAdd(name: "connection", value: "upgrade")
        headers.replaceOrAdd(name: "sec-websocket-accept", value: WebSocketHandshake.accept(forKey: key))
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: .switchingProtocols, headers: headers))),
            promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        state.upgrade()

        let pipeline = context.pipeline.syncOperations
        let channel = context.channel
        do {
            let session = try WebSocketChannelHandler.install(
                in: pipeline, position: .after(decoder), channel: channel, role: .server,
                configuration: route.configuration,
                deliversMessages: route.readsMessages)
            // The encoder leaves at once; the decoder in the next turn, forwarding bytes that belong to frames.
            pipeline.removeHandler(encoder, promise: nil)
            pipeline.removeHandler(decoder, promise: nil)
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

    // MARK: answers

    func setDisconnectCallback(_ callback: @escaping @Sendable () -> Void, exchange id: UInt64) {
        guard id == state.exchangeID, open != nil, !state.isClosed else {
            callback()
            return
        }
        open?.onDisconnect = callback
        if state.inputIsClosed, let context {
            perform(.disconnected, context)
        }
    }

    /// Writes a whole answer with one flush.
    func send(_ reply: HTTPReply, exchange id: UInt64) {
        guard let context, let head = startHead(status: reply.status, headers: reply.headers, exchange: id) else {
            return
        }
        var complete = head
        if reply.status.mayHaveResponseBody {
            complete.headers.replaceOrAdd(name: "content-length", value: String(reply.body.readableBytes))
        }
        context.write(wrapOutboundOut(.head(complete)), promise: nil)
        if reply.body.readableBytes > 0, reply.status.mayHaveResponseBody, open?.head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(reply.body))), promise: nil)
        }
        finish(trailers: nil, promise: nil, context)
    }

    /// Starts an answer whose body follows in parts.
    ///
    /// - Returns: False if nobody waits for it any more.
    func startStream(status: HTTPResponseStatus, headers: HTTPHeaders, exchange id: UInt64) -> Bool {
        guard let context, let head = startHead(status: status, headers: headers, exchange: id) else { return false }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        return true
    }

    /// Writes a part of the body of the answer that ``startStream(status:headers:exchange:)`` has started.
    func stream(_ buffer: ByteBuffer, exchange id: UInt64, promise: EventLoopPromise<Void>) {
        guard let context, id == state.exchangeID, !state.isClosed else {
            promise.fail(ChannelError.alreadyClosed)
            return
        }
        guard open?.head.method != .HEAD, buffer.readableBytes > 0 else {
            promise.succeed()
            return
        }
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: promise)
    }

    /// Ends the answer that ``startStream(status:headers:exchange:)`` has started.
    func endStream(trailers: HTTPHeaders?, exchange id: UInt64, promise: EventLoopPromise<Void>) {
        guard let context, id == state.exchangeID, !state.isClosed else {
            promise.fail(ChannelError.alreadyClosed)
            return
        }
        finish(trailers: trailers, promise: promise, context)
    }

    /// Breaks off an answer that has started and cannot be finished, so that the client sees it is incomplete.
    func abort(exchange id: UInt64) {
        guard id == state.exchangeID else { return }
        context?.close(promise: nil)
    }

    private func startHead(status: HTTPResponseStatus, headers: HTTPHeaders, exchange id: UInt64) -> HTTPResponseHead? {
        guard let closes = state.startResponse(to: id) else { return nil }
        open?.onDisconnect = nil
        let version = open?.head.version == .http1_0 ? HTTPVersion.http1_0 : .http1_1
        var head = HTTPResponseHead(version: version, status: status, headers: headers)
        if !headers.contains(name: "date") { head.headers.add(name: "date", value: date.now()) }
        if closes {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if version == .http1_0 {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
        return head
    }

    private func finish(trailers: HTTPHeaders?, promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        let action = state.endResponse(now: .now())
        if action == .close {
            // Closing earlier would cut off what is not flushed yet.
            let flushed = promise ?? context.eventLoop.makePromise()
            let channel = context.channel
            flushed.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: flushed)
            // No other deadline ends a connection that only waits for its client to take the rest.
            watchWrites(context)
            return
        }
        context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: promise)
        if action == .next { open = nil }
        processBacklog(context)
    }

    // MARK: time

    /// Starts to look whether the client takes what is written.
    private func watchWrites(_ context: ChannelHandlerContext) {
        guard writeProgress == nil, let pending = Self.pendingBytes(context), pending > 0 else { return }
        let configuration = services.configuration
        writeProgress = WriteProgress(
            interval: TimeAmount(configuration.writeTimeout),
            minimumBytesPerSecond: configuration.minimumBytesPerSecond, pendingBytes: pending, now: .now())
        scheduleWriteLook(context, at: .now() + TimeAmount(configuration.writeTimeout))
    }

    private func scheduleWriteLook(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context, var progress = self.writeProgress else { return }
            switch progress.look(pendingBytes: Self.pendingBytes(context) ?? 0, now: .now()) {
            case .waitUntil(let deadline):
                self.writeProgress = progress
                self.scheduleWriteLook(context, at: deadline)
            case .stalled:
                self.services.logger.debug("client does not take its answer: connection closed")
                context.close(promise: nil)
            }
        }
    }

    private static func pendingBytes(_ context: ChannelHandlerContext) -> Int? {
        try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
    }

    private func updateTimer(_ context: ChannelHandlerContext) {
        guard let deadline = state.deadline else { return }
        // A timer that fires too early looks again; only one that would be late is replaced.
        if let timerDeadline, timer != nil, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            self.timer = nil
            self.perform(self.state.timerFired(now: .now()), context)
        }
    }
}

extension HTTPRequestHead {
    /// The path without the query, as it came.
    var path: String {
        guard let question = uri.utf8.firstIndex(of: UInt8(ascii: "?")) else { return uri }
        return String(uri[..<question])
    }

    /// After such a request the parser stops, because other bytes than HTTP may follow.
    var requestsProtocolSwitch: Bool {
        method == .CONNECT || headers.contains(name: "upgrade")
    }

    /// RFC 6455 section 4.2.1.
    var requestsWebSocket: Bool {
        guard method == .GET, version == .http1_1, headers.contains(name: "upgrade") else { return false }
        return headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }
}
