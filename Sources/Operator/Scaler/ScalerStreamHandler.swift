import NIOCore
import NIOHPACK
import NIOHTTP2
import Observability

/// One call of KEDA's: a stream of HTTP/2. Bound to its event loop.
final class ScalerStreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let feed: DemandFeed
    private let streams: Gauge?
    private var reader = GRPCRequestReader()
    /// Whether the call has been answered, or has ended otherwise.
    private var isOver = false
    private var subscription: Int?
    private var context: ChannelHandlerContext?

    /// - Parameter streams: counts the calls that stay open.
    init(_ feed: DemandFeed, streams: Gauge?) {
        self.feed = feed
        self.streams = streams
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        stopTelling()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOver = true
        stopTelling()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        do {
            switch unwrapInboundIn(data) {
            case .headers(let frame):
                try begin(frame.headers)
                if frame.endStream { try answer(try reader.end(), context) }
            case .data(let frame):
                if case .byteBuffer(let bytes) = frame.data { try reader.read(bytes) }
                if frame.endStream { try answer(try reader.end(), context) }
            default: break
            }
        } catch let error as GRPCRequestReader.NotGRPC {
            isOver = true
            write(.headers(.init(headers: [":status": "\(error.httpStatus)"], endStream: true)), context)
        } catch {
            end(with: error as? GRPCStatus ?? GRPCStatus(.internal, "\(error)"), context)
        }
    }

    /// The connection goes away in good order: what would stay open for ever has to end, so that KEDA calls another
    /// replica.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, !isOver {
            end(with: GRPCStatus(.unavailable, "this operator shuts down"), context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isOver = true
        context.close(promise: nil)
    }

    // MARK: Answering

    private func begin(_ headers: HPACKHeaders) throws {
        try reader.begin(
            method: headers.first(name: ":method") ?? "", path: headers.first(name: ":path") ?? "",
            contentType: headers.first(name: "content-type") ?? "", encoding: headers.first(name: "grpc-encoding"))
    }

    private func answer(_ request: GRPCRequestReader.Request, _ context: ChannelHandlerContext) throws {
        guard let method = ExternalScaler.Method(rawValue: request.path) else {
            throw GRPCStatus(.unimplemented, "there is no \(request.path)")
        }
        switch method {
        case .isActive:
            let trigger = try trigger(try read { try ScaledObjectRef(request.message) })
            let isActive = ExternalScaler.isActive(trigger, try signals(trigger))
            finish(ScalerMetric.message(isActive: isActive), context)
        case .getMetricSpec:
            let trigger = try trigger(try read { try ScaledObjectRef(request.message) })
            finish(ScalerMetric.message(ExternalScaler.metricSpec(trigger)), context)
        case .getMetrics:
            let query = try read { try MetricsQuery(request.message) }
            let trigger = try trigger(query.scaledObject)
            finish(
                ScalerMetric.message(try ExternalScaler.metrics(query.metricName, try signals(trigger))), context)
        case .streamIsActive: open(try trigger(try read { try ScaledObjectRef(request.message) }), context)
        }
    }

    /// Reads a message; what cannot be read is the caller's fault.
    private func read<Message>(_ body: () throws -> Message) throws -> Message {
        do {
            return try body()
        } catch {
            throw GRPCStatus(.invalidArgument, "the message cannot be read: \(error)")
        }
    }

    private func trigger(_ reference: ScaledObjectRef) throws(GRPCStatus) -> ExternalScaler.Trigger {
        try ExternalScaler.Trigger(reference)
    }

    /// What is not known makes the call fail, so that KEDA leaves the workers alone and counts towards its fallback.
    private func signals(_ trigger: ExternalScaler.Trigger) throws(GRPCStatus) -> DemandBook.Signals {
        do throws(DemandBook.Unknown) {
            return try feed.signals(of: trigger.group)
        } catch {
            throw GRPCStatus(.unavailable, error.description)
        }
    }

    private func open(_ trigger: ExternalScaler.Trigger, _ context: ChannelHandlerContext) {
        write(.headers(.init(headers: Self.head)), context)
        streams?.add(1)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        subscription = feed.subscribe(trigger) { isActive in
            loop.execute { handler.value.push(isActive) }
        }
    }

    private func push(_ isActive: Bool) {
        guard !isOver, let context else { return }
        write(data(ScalerMetric.message(isActive: isActive)), context)
    }

    private func stopTelling() {
        guard let subscription else { return }
        self.subscription = nil
        streams?.add(-1)
        feed.unsubscribe(subscription)
    }

    // MARK: Writing

    private static let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]

    private func finish(_ message: ByteBuffer, _ context: ChannelHandlerContext) {
        isOver = true
        context.write(wrapOutboundOut(.headers(.init(headers: Self.head))), promise: nil)
        context.write(wrapOutboundOut(data(message)), promise: nil)
        write(.headers(.init(headers: ["grpc-status": "0"], endStream: true)), context)
    }

    /// Ends the call with a status: alone where nothing has been said yet, else behind it.
    private func end(with status: GRPCStatus, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        var headers: HPACKHeaders = subscription == nil ? Self.head : [:]
        stopTelling()
        headers.add(name: "grpc-status", value: "\(status.code.rawValue)")
        headers.add(name: "grpc-message", value: status.headerMessage)
        write(.headers(.init(headers: headers, endStream: true)), context)
    }

    private func data(_ message: ByteBuffer) -> HTTP2Frame.FramePayload {
        .data(.init(data: .byteBuffer(GRPCRequestReader.framed(message))))
    }

    private func write(_ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(payload), promise: nil)
    }
}
