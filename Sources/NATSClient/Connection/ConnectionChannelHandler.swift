import NIOCore
import NIOSSL
import NIOTLS

/// The end of a channel's pipeline: cuts what is read into operations for the driver, and writes for it.
final class ConnectionChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let driver: ConnectionDriver
    /// Which attempt of the driver the channel belongs to; the driver ignores events of earlier ones.
    let attempt: UInt64
    private var parser: ProtocolParser
    private var context: ChannelHandlerContext?

    init(driver: ConnectionDriver, attempt: UInt64, maxMessageBytes: Int) {
        self.driver = driver
        self.attempt = attempt
        self.parser = ProtocolParser(maxMessageBytes: maxMessageBytes)
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Whether bytes came that make no whole operation yet.
    var hasPartialOperation: Bool { parser.hasPartialOperation }

    func write(_ buffer: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    func flush() { context?.flush() }

    func close() { context?.close(promise: nil) }

    /// Puts TLS in front of this handler.
    func secure(with handler: NIOSSLClientHandler) throws {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        try context.pipeline.syncOperations.addHandler(handler, position: .first)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { driver.channelOpened(self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        driver.readBegan()
        parser.feed(unwrapInboundIn(data))
        do throws(NATSError) {
            // The driver may drop this channel while an operation is handled.
            while driver.isCurrent(attempt), let operation = try parser.next() {
                driver.received(operation)
            }
        } catch {
            driver.channelFailed(attempt, error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        driver.readCompleted()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, driver.isCurrent(attempt) { driver.flushOutbox() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            driver.channelSecured(attempt)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        driver.channelFailed(attempt, .disconnected)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        driver.channelFailed(attempt, NATSError(channelError: error))
    }
}
