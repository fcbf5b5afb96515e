import Glibc
import NIOCore
import NIOPosix

/// Connections that have had one answer each and ask for nothing more.
struct IdleConnections {
    private let channels: [any Channel]

    init(count: Int, port: Int, group: any EventLoopGroup) async throws {
        Self.raiseOpenFileLimit()
        var channels: [any Channel] = []
        for _ in 0..<count {
            let answered = group.next().makePromise(of: Void.self)
            let channel = try await ClientBootstrap(group: answered.futureResult.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FirstAnswer(answered))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            try await channel.writeAndFlush(ByteBuffer(string: "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            try await answered.futureResult.get()
            channels.append(channel)
        }
        self.channels = channels
    }

    func close() async {
        for channel in channels { try? await channel.close() }
    }

    /// Each connection is an open file, of which the default allows 1,024.
    private static func raiseOpenFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private final class FirstAnswer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var answered: EventLoopPromise<Void>?

        init(_ answered: EventLoopPromise<Void>) { self.answered = answered }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            answered?.succeed()
            answered = nil
        }

        func channelInactive(context: ChannelHandlerContext) {
            answered?.fail(ChannelError.eof)
            answered = nil
        }
    }
}
