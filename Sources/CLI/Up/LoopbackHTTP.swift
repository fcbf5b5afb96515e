import NIOCore
import NIOHTTP1
import NIOPosix

/// A `GET` to a server on this machine, for readiness probes.
struct LoopbackHTTP: Sendable {
    struct Response: Sendable, Equatable {
        var status: Int
        var body: [UInt8]
    }

    struct ConnectionClosed: Error, CustomStringConvertible {
        var description: String { "the connection closed before an answer came" }
    }

    let group: any EventLoopGroup

    /// Larger than any answer that is read.
    private static let bodyLimit = 4 << 20

    /// - Throws: When nothing listens there, or no whole answer comes within `timeout`.
    func get(
        port: Int, path: String, bearerToken: String? = nil, timeout: TimeAmount = .seconds(5)
    ) async throws -> Response {
        let answer = group.any().makePromise(of: Response.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: answer.futureResult.eventLoop)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let sync = channel.pipeline.syncOperations
                        try sync.addHTTPClientHandlers()
                        try sync.addHandler(ResponseCollector(answer: answer, limit: Self.bodyLimit))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
        } catch {
            answer.fail(error)
            throw error
        }
        let deadline = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        defer { deadline.cancel() }

        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
        head.headers.add(name: "host", value: "127.0.0.1:\(port)")
        head.headers.add(name: "connection", value: "close")
        if let bearerToken { head.headers.add(name: "authorization", value: "Bearer \(bearerToken)") }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let response = try await answer.futureResult.get()
        channel.close(promise: nil)
        return response
    }

    private final class ResponseCollector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let answer: EventLoopPromise<Response>
        private let limit: Int
        private var response = Response(status: 0, body: [])

        init(answer: EventLoopPromise<Response>, limit: Int) {
            self.answer = answer
            self.limit = limit
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): response.status = Int(head.status.code)
            case .body(let part):
                guard response.body.count + part.readableBytes <= limit else {
                    context.close(promise: nil)
                    return
                }
                response.body.append(contentsOf: part.readableBytesView)
            case .end: answer.succeed(response)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answer.fail(error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            // Without effect where the answer has come.
            answer.fail(ConnectionClosed())
        }
    }
}
