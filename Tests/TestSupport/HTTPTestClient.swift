import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends one request over a fresh connection, its target and headers exactly as given, and reads the answer.
package struct HTTPTestClient: Sendable {
    package struct Reply: Sendable {
        package var status: Int
        package var headers: HTTPHeaders
        package var body: ByteBuffer

        package var text: String { String(buffer: body) }
    }

    package var port: Int

    package init(port: Int) {
        self.port = port
    }

    package func post(
        _ uri: String, headers: HTTPHeaders = [:], body: ByteBuffer, announcing length: Int? = nil
    ) async throws -> Reply {
        try await send(.POST, uri, headers: headers, body: body, announcing: length)
    }

    /// - Parameter length: the content length to announce when it is not the body's.
    package func send(
        _ method: HTTPMethod, _ uri: String, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer(),
        announcing length: Int? = nil
    ) async throws -> Reply {
        var headers = headers
        headers.replaceOrAdd(name: "host", value: "127.0.0.1:\(port)")
        headers.replaceOrAdd(name: "connection", value: "close")
        headers.replaceOrAdd(name: "content-length", value: String(length ?? body.readableBytes))
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Reply.self)
        let channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                try channel.pipeline.syncOperations.addHandler(ReplyCollector(promise: promise))
            }
        }.connect(host: "127.0.0.1", port: port).get()
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return try await promise.futureResult.get()
    }
}

private final class ReplyCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    struct ClosedEarly: Error {}

    private let promise: EventLoopPromise<HTTPTestClient.Reply>
    private var reply: HTTPTestClient.Reply?

    init(promise: EventLoopPromise<HTTPTestClient.Reply>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status != .continue else { return }
            reply = .init(status: Int(head.status.code), headers: head.headers, body: ByteBuffer())
        case .body(var bytes): reply?.body.writeBuffer(&bytes)
        case .end:
            if let reply { promise.succeed(reply) }
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ClosedEarly())
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A server that refuses a body may close before all of it is written; what matters is the answer.
        if reply == nil, !(error is IOError) { promise.fail(error) }
    }
}
