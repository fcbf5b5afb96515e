import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP/1.1 server on a port of its own that answers as a test says, faults included. It closes with the last
/// reference.
package final class LoopbackHTTPServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// Path and query as sent.
        package var target: String
        package var headers: HTTPHeaders
        package var body: [UInt8]

        package var path: String { String(target.prefix { $0 != "?" }) }
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What a request gets.
    package enum Answer: Sendable {
        case reply(Int, headers: [(String, String)] = [], body: [UInt8] = [])
        /// A head that announces more than the bytes that follow, and the end of the connection.
        case cut(after: [UInt8], announced: Int)
        /// The end of the connection.
        case close
        /// Nothing, ever.
        case silence
        /// Pieces of a chunked body, one every time `next` returns; nil ends it, with the connection where it is then
        /// to be cut.
        case stream(
            headers: [(String, String)] = [], isCut: @Sendable () -> Bool = { false },
            next: @Sendable (_ index: Int) async -> [UInt8]?)

        package static func text(
            _ body: String, status: Int = 200, headers: [(String, String)] = []
        ) -> Answer {
            .reply(status, headers: headers, body: Array(body.utf8))
        }
    }

    package let port: Int
    package var url: String { "http://127.0.0.1:\(port)" }

    private let listener: any Channel
    private let seen: NIOLockedValueBox<[Request]>

    /// Starts a server.
    /// - Parameter answer: called for each request with its index, from 0.
    package init(answer: @escaping @Sendable (Request, _ index: Int) -> Answer) async throws {
        let seen = NIOLockedValueBox<[Request]>([])
        self.seen = seen
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(
                        LoopbackHTTPHandler { request in
                            let index = seen.withLockedValue { requests in
                                requests.append(request)
                                return requests.count - 1
                            }
                            return answer(request, index)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
    }

    deinit { listener.close(promise: nil) }

    /// All requests until now.
    package var requests: [Request] { seen.withLockedValue { $0 } }
}

private final class LoopbackHTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (LoopbackHTTPServer.Request) -> LoopbackHTTPServer.Answer
    private var request: LoopbackHTTPServer.Request?
    private var task: Task<Void, Never>?

    init(answer: @escaping @Sendable (LoopbackHTTPServer.Request) -> LoopbackHTTPServer.Answer) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = .init(method: head.method.rawValue, target: head.uri, headers: head.headers, body: [])
        case .body(let bytes): request?.body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let request = request.take() else { return }
            perform(answer(request), isHead: request.method == "HEAD", context)
        }
    }

    private func perform(_ answer: LoopbackHTTPServer.Answer, isHead: Bool, _ context: ChannelHandlerContext) {
        switch answer {
        case .reply(let status, let fields, let body):
            var headers = HTTPHeaders(fields)
            if status >= 200 { headers.replaceOrAdd(name: "content-length", value: String(body.count)) }
            write(status, headers, isHead ? [] : body, context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .cut(let body, let announced):
            write(200, ["content-length": String(announced)], body, context)
            context.flush()
            context.close(promise: nil)
        case .close: context.close(promise: nil)
        case .silence: break
        case .stream(let fields, let isCut, let next):
            var headers = HTTPHeaders(fields)
            headers.replaceOrAdd(name: "transfer-encoding", value: "chunked")
            write(200, headers, [], context)
            context.flush()
            let channel = context.channel
            task = Task {
                var index = 0
                while !Task.isCancelled, let bytes = await next(index) {
                    index += 1
                    let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes)))
                    // Completes when the bytes have left for the peer.
                    guard (try? await channel.writeAndFlush(part)) != nil else { return }
                }
                if isCut() {
                    try? await channel.close()
                } else {
                    try? await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
                }
            }
        }
    }

    private func write(_ status: Int, _ headers: HTTPHeaders, _ body: [UInt8], _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { task?.cancel() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
