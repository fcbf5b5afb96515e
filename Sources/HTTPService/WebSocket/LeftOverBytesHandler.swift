import NIOCore

/// Keeps the bytes that a removed HTTP decoder leaves over, and passes them on when it is removed itself.
///
/// NIO's response decoder also watches what is written and stops the program if that is not HTTP, so nothing that might
/// answer a frame may stand behind it; this handler bridges the turn in which the decoder leaves.
final class LeftOverBytesHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var bytes = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.writeImmutableBuffer(unwrapInboundIn(data))
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        if bytes.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(bytes))
            context.fireChannelReadComplete()
        }
        context.leavePipeline(removalToken: removalToken)
    }
}
