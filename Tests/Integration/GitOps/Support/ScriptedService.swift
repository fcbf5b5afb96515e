import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A service that answers as a test says and remembers what it was asked.
final class ScriptedService: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: [UInt8]
    }

    enum Reply: Sendable {
        case answer(Int, String, headers: [String: String] = [:])
        /// The connection stays open and silent.
        case nothing
    }

    /// Answers a request; the number counts the earlier requests of the same method and path.
    typealias Script = @Sendable (_ request: Request, _ number: Int) -> Reply

    let url: String
    private let channel: any Channel
    private let seen: Seen

    fileprivate final class Seen: Sendable {
        let requests = Mutex<[Request]>([])
    }

    init(_ script: @escaping Script) async throws {
        let seen = Seen()
        self.seen = seen
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answerer(script: script, seen: seen))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    deinit { channel.close(promise: nil) }

    /// Everything that was asked so far.
    var requests: [Request] { seen.requests.withLock { $0 } }
    /// The models that were posted.
    var posts: [Request] { requests.filter { $0.method == "POST" } }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let script: Script
        private let seen: Seen
        private var request = Request(method: "", path: "", headers: [:], body: [])

        init(script: @escaping Script, seen: Seen) {
            self.script = script
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(
                    method: head.method.rawValue, path: head.uri,
                    headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
                    body: [])
            case .body(let bytes):
                request.body.append(contentsOf: bytes.readableBytesView)
            case .end:
                let request = request
                let number = seen.requests.withLock { requests in
                    requests.append(request)
                    return requests.count { $0.method == request.method && $0.path == request.path } - 1
                }
                guard case .answer(let status, let text, let fields) = script(request, number) else { return }
                var headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
                headers.add(name: "content-length", value: "\(text.utf8.count)")
                let head = HTTPResponseHead(
                    version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
