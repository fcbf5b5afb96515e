import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Passes bytes on between a port of its own and another one, until it is told to say nothing more on the connections that
/// there are: they stay open and take what is sent, as behind a middlebox that has forgotten them. Later connections are
/// passed on.
final class SilentRelay: Sendable {
    private final class Connection: Sendable {
        let isSilent = NIOLockedValueBox(false)
    }

    let port: Int
    private let listener: any Channel
    private let connections: NIOLockedValueBox<[Connection]>

    init(to target: Int) async throws {
        let connections = NIOLockedValueBox<[Connection]>([])
        self.connections = connections
        let group = MultiThreadedEventLoopGroup.singleton
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { near in
                let connection = Connection()
                connections.withLockedValue { $0.append(connection) }
                return ClientBootstrap(group: near.eventLoop)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            try far.pipeline.syncOperations.addHandler(Passage(to: near, connection.isSilent))
                        }
                    }
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { far in
                        try near.pipeline.syncOperations.addHandler(Passage(to: far, connection.isSilent))
                    }
                    .flatMap { near.setOption(.autoRead, value: true) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
    }

    deinit { listener.close(promise: nil) }

    /// How many connections there have been.
    var count: Int { connections.withLockedValue { $0.count } }

    /// Says nothing more on the connections that there are.
    func fallSilent() {
        for connection in connections.withLockedValue({ $0 }) { connection.isSilent.withLockedValue { $0 = true } }
    }
}

/// Hands what is read on one side to the other one.
private final class Passage: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let isSilent: NIOLockedValueBox<Bool>

    init(to other: any Channel, _ isSilent: NIOLockedValueBox<Bool>) {
        self.other = other
        self.isSilent = isSilent
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isSilent.withLockedValue({ $0 }) else { return }
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !isSilent.withLockedValue({ $0 }) else { return }
        other.close(promise: nil)
    }
}
