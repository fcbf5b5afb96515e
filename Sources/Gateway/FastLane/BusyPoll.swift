import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Keeps an event loop from going to sleep for a while after each request.
///
/// A loop without work waits in the kernel, and the processor halts. Waking it takes up to 50 us on a virtual machine, for
/// the request, for its results, and for the next request. A loop that polls instead takes what comes at once, at the price
/// of processor time that nobody else gets meanwhile.
///
/// NIO's loop waits unless a descriptor is readable. So one byte goes round in a pipe: what the loop reads from it, it
/// writes into it again until the time is over. Then the byte is held, and the loop sleeps as ever.
///
/// Confined to the event loop of its channel.
package final class BusyPoll: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let duration: TimeAmount
    private let now: () -> NIODeadline
    private var end = NIODeadline.distantPast
    private var context: ChannelHandlerContext?
    /// How often the byte came back.
    private(set) var rounds = 0
    /// Nil while it is in the pipe.
    private var byte: ByteBuffer? = ByteBuffer(bytes: [0])

    package init(duration: TimeAmount, now: @escaping () -> NIODeadline = { .now() }) {
        self.duration = duration
        self.now = now
    }

    /// Polls from now on for the whole duration.
    package func prolong() {
        end = now() + duration
        send()
    }

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        byte = unwrapInboundIn(data)
        rounds += 1
        if now() < end { send() }
    }

    private func send() {
        guard let byte, let context else { return }
        self.byte = nil
        context.writeAndFlush(wrapOutboundOut(byte), promise: nil)
    }
}

/// One ``BusyPoll`` for each event loop of a group. Each lives as long as its loop.
package struct BusyPolls: Sendable {
    private let polls: [ObjectIdentifier: NIOLoopBound<BusyPoll>]

    /// - Parameter duration: how long each loop polls after a request.
    /// - Throws: `IOError` where no more descriptors can be had.
    package static func start(on group: any EventLoopGroup, for duration: TimeAmount) async throws -> BusyPolls {
        var polls: [ObjectIdentifier: NIOLoopBound<BusyPoll>] = [:]
        for loop in group.makeIterator() {
            polls[ObjectIdentifier(loop)] = try await start(on: loop, for: duration)
        }
        return BusyPolls(polls: polls)
    }

    private static func start(
        on loop: any EventLoop, for duration: TimeAmount
    ) async throws -> NIOLoopBound<BusyPoll> {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
        return try await NIOPipeBootstrap(group: loop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1))
            .channelOption(.maxMessagesPerRead, value: 1)
            .takingOwnershipOfDescriptors(input: ends[0], output: ends[1]) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let poll = BusyPoll(duration: duration)
                    try channel.pipeline.syncOperations.addHandler(poll)
                    return NIOLoopBound(poll, eventLoop: loop)
                }
            }
    }

    /// A request came, or went on, on this loop. Call on the loop.
    package func requestCame(on loop: any EventLoop) {
        polls[ObjectIdentifier(loop)]?.value.prolong()
    }

    /// How often a loop has polled. Call on the loop.
    package func rounds(on loop: any EventLoop) -> Int {
        polls[ObjectIdentifier(loop)]?.value.rounds ?? 0
    }
}
