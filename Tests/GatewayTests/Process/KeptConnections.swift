import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport

/// Connections to a gateway that are kept, so that requests can lie on all of them before the gateway reads from any.
final class KeptConnections: Sendable {
    struct Reply: Sendable {
        var status: Int
        var body: ByteBuffer

        /// The first number of the first vector, which is the length of the text.
        var length: Int? {
            let json = body.withUnsafeReadableBytes { try? JSONReader.decode($0) }
            return json?["items"]?.arrayValue?.first?["dense"]?["values"]?.arrayValue?.first?.doubleValue
                .map { Int($0) }
        }
    }

    struct Closed: Error {}

    private let gateway: RunningGateway
    private let connections: [(channel: any Channel, replies: Replies)]

    /// Opens connections, and has each answer once, so that the gateway knows them.
    init(_ count: Int, to gateway: RunningGateway) async throws {
        self.gateway = gateway
        var connections: [(channel: any Channel, replies: Replies)] = []
        for _ in 0..<count {
            let replies = Replies()
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(replies)
                    }
                }.connect(host: "127.0.0.1", port: gateway.process.port).get()
            connections.append((channel, replies))
        }
        self.connections = connections
        for place in 0..<count {
            _ = try await write(BatchedItemsTests.body(1), on: place).get()
        }
    }

    /// Asks for the length of a text on each connection, all at once: the gateway is held until all requests lie there.
    ///
    /// - Parameter write: writes the requests; nil for texts of one letter, two, and so on.
    func askTogether(
        _ write: ((KeptConnections) async throws -> [EventLoopFuture<Reply>])? = nil
    ) async throws -> [EventLoopFuture<Reply>] {
        gateway.process.signal(SIGSTOP)
        defer { gateway.process.signal(SIGCONT) }
        if let write { return try await write(self) }
        var replies: [EventLoopFuture<Reply>] = []
        for place in connections.indices { replies.append(try await self.write(Self.text(place + 1), on: place)) }
        return replies
    }

    /// A request for the vector of one text.
    static func text(_ length: Int) -> String { #"{"items":[{"text":"\#(String(repeating: "x", count: length))"}]}"# }

    /// Writes a request, and returns when the kernel has it.
    func write(
        _ json: String, on place: Int, path: String = "/v1/encode/\(RunningGateway.model)", headers: HTTPHeaders = [:]
    ) async throws -> EventLoopFuture<Reply> {
        let (channel, replies) = connections[place]
        let promise = channel.eventLoop.makePromise(of: Reply.self)
        replies.expect(promise)
        var fields: HTTPHeaders = [
            "host": "127.0.0.1", "content-type": "application/json", "x-sie-pool": RunningGateway.pool,
            "content-length": "\(json.utf8.count)",
        ]
        fields.add(contentsOf: headers)
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: fields)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: json))), promise: nil)
        try await channel.writeAndFlush(HTTPClientRequestPart.end(nil))
        return promise.futureResult
    }

    func close(_ place: Int) async throws { try await connections[place].channel.close() }

    func close() async {
        for connection in connections { try? await connection.channel.close() }
    }
}

/// Hands the answers of one connection to those who asked, in order.
private final class Replies: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTPClientResponsePart

    private struct State {
        var waiting: [EventLoopPromise<KeptConnections.Reply>] = []
        var reply: KeptConnections.Reply?
    }

    private let state = Mutex(State())

    func expect(_ promise: EventLoopPromise<KeptConnections.Reply>) { state.withLock { $0.waiting.append(promise) } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            state.withLock { $0.reply = .init(status: Int(head.status.code), body: ByteBuffer()) }
        case .body(let bytes):
            state.withLock { _ = $0.reply?.body.writeImmutableBuffer(bytes) }
        case .end:
            let answered = state.withLock {
                state -> (EventLoopPromise<KeptConnections.Reply>, KeptConnections.Reply?)? in
                state.waiting.isEmpty ? nil : (state.waiting.removeFirst(), state.reply)
            }
            if let (promise, reply) = answered, let reply { promise.succeed(reply) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for promise in waiting { promise.fail(KeptConnections.Closed()) }
    }
}
