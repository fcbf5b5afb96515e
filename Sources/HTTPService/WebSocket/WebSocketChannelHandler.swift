import NIOCore
import NIOWebSocket

/// Drives ``WebSocketState`` on a channel. Confined to its event loop.
final class WebSocketChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// What the user of an installed handler needs.
    struct Session: Sendable {
        let handler: NIOLoopBound<WebSocketChannelHandler>
        let channel: any Channel
        let messages: WebSocketMessages?
        let closure: EventLoopFuture<WebSocketClosure>
    }

    private let role: WebSocketState.Role
    private let ended: EventLoopPromise<WebSocketClosure>
    private var source: WebSocketMessages.Producer.Source?
    private var state: WebSocketState
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var isReadingHeld = false
    private var readIsWanted = false

    private init(
        role: WebSocketState.Role, configuration: WebSocketConfiguration, ended: EventLoopPromise<WebSocketClosure>
    ) {
        self.role = role
        self.ended = ended
        state = WebSocketState(role: role, configuration: configuration, now: .now())
    }

    /// Adds the frame codec and the handler to a pipeline from which HTTP is about to leave. Call on the event loop.
    ///
    /// - Parameter deliversMessages: False drops what the peer sends, for a side that only sends.
    static func install(
        in pipeline: ChannelPipeline.SynchronousOperations, position: ChannelPipeline.SynchronousOperations.Position,
        channel: any Channel, role: WebSocketState.Role, configuration: WebSocketConfiguration, deliversMessages: Bool
    ) throws -> Session {
        let eventLoop = channel.eventLoop
        let ended = eventLoop.makePromise(of: WebSocketClosure.self)
        let handler = WebSocketChannelHandler(role: role, configuration: configuration, ended: ended)
        let bound = NIOLoopBound(handler, eventLoop: eventLoop)
        var messages: WebSocketMessages?
        if deliversMessages {
            let made = WebSocketMessages.Producer.makeSequence(
                elementType: WebSocketMessage.self, backPressureStrategy: .init(lowWatermark: 8, highWatermark: 32),
                finishOnDeinit: false, delegate: WebSocketMessageDemand(handler: bound, eventLoop: eventLoop))
            handler.source = made.source
            messages = WebSocketMessages(producer: made.sequence)
        }
        do {
            try pipeline.addHandlers(
                [
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: configuration.frameLimitBytes)),
                    WebSocketFrameEncoder(), handler,
                ], position: position)
        } catch {
            handler.source?.finish()
            ended.succeed(.abnormal)
            throw error
        }
        return Session(handler: bound, channel: channel, messages: messages, closure: ended.futureResult)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        updateTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        perform(state.inputClosed(), context)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        perform(state.receive(unwrapInboundIn(data), now: .now()), context)
        updateTimer(context)
    }

    func read(context: ChannelHandlerContext) {
        if isReadingHeld {
            readIsWanted = true
        } else {
            context.read()
        }
    }

    func resumeReading() {
        isReadingHeld = false
        if readIsWanted {
            readIsWanted = false
            context?.read()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(state.inputClosed(), context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: perform(state.inputClosed(), context)
        case is ConnectionDrainEvent: perform(state.close(.goingAway, now: .now()), context)
        default: context.fireUserInboundEventTriggered(event)
        }
        updateTimer(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? NIOWebSocketError {
            let isTooLarge = if case .invalidFrameLength = error { true } else { false }
            perform(state.decodingFailed(isTooLarge: isTooLarge, now: .now()), context)
        } else {
            perform(state.inputClosed(), context)
        }
    }

    // MARK: our side

    func send(_ message: WebSocketMessage, promise: EventLoopPromise<Void>) {
        guard let context, state.isOpen else {
            promise.fail(WebSocketError.closed(.abnormal))
            return
        }
        let frame: WebSocketFrame
        switch message {
        case .text(let text):
            frame = WebSocketFrame(fin: true, opcode: .text, maskKey: maskKey, data: ByteBuffer(string: text))
        case .binary(let data):
            frame = WebSocketFrame(fin: true, opcode: .binary, maskKey: maskKey, data: data)
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }

    func close(_ closure: WebSocketClosure) {
        guard let context else { return }
        perform(state.close(closure, now: .now()), context)
        updateTimer(context)
    }

    /// Frames of a client are masked with a fresh key each, frames of a server never.
    private var maskKey: WebSocketMaskingKey? { role == .client ? .random() : nil }

    private func perform(_ actions: [WebSocketState.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .deliver(let message):
                if source?.yield(message) == .stopProducing { isReadingHeld = true }
            case .pong(let data):
                context.writeAndFlush(
                    wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, maskKey: maskKey, data: data)),
                    promise: nil)
            case .ping:
                context.writeAndFlush(
                    wrapOutboundOut(WebSocketFrame(fin: true, opcode: .ping, maskKey: maskKey, data: ByteBuffer())),
                    promise: nil)
            case .sendClose(let closure):
                var data = ByteBuffer()
                // 1005 stands for "no code" and is never sent.
                if closure.code != 1005 {
                    data.writeInteger(closure.code)
                    data.writeString(String(decoding: closure.reason.utf8.prefix(120), as: UTF8.self))
                }
                // A peer that no longer reads must not hold the close back.
                resumeReading()
                context.writeAndFlush(
                    wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: maskKey, data: data)),
                    promise: nil)
            case .end(let closure):
                source?.finish()
                source = nil
                ended.succeed(closure)
                context.close(promise: nil)
            }
        }
    }

    private func updateTimer(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        guard let deadline = state.deadline else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            self.perform(self.state.timerFired(now: .now()), context)
            self.updateTimer(context)
        }
    }
}
