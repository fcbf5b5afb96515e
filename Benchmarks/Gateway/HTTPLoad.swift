import Glibc
import NIOCore
import NIOPosix

/// A closed-loop HTTP/1.1 load: every connection sends the next request as soon as it has the whole answer.
///
/// The client shares the processor with what it measures, so it parses no more of the answer than it must: the status,
/// `Content-Length`, and the end of the body.
struct HTTPLoad {
    struct Outcome {
        var requests: Int
        var failures: Int
        var seconds: Double
        /// Sorted round-trip times in seconds.
        var latencies: [Double]

        var perSecond: Double { Double(requests) / seconds }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    var host = "127.0.0.1"
    var port: Int
    /// Gives a complete request, head and body, for each sending.
    var next: @Sendable () -> ByteBuffer
    var group: any EventLoopGroup

    /// A load of one request again and again.
    init(port: Int, request: ByteBuffer, group: any EventLoopGroup) {
        self.init(port: port, group: group) { request }
    }

    init(port: Int, group: any EventLoopGroup, next: @escaping @Sendable () -> ByteBuffer) {
        self.port = port
        self.next = next
        self.group = group
    }

    func run(connections: Int, duration: TimeAmount) async throws -> Outcome {
        let end = NIODeadline.now() + duration
        let start = NIODeadline.now()
        let (host, port, next, group) = (host, port, next, group)
        let results = try await withThrowingTaskGroup(of: ConnectionResult.self) { tasks in
            for _ in 0..<connections {
                tasks.addTask {
                    let promise = group.next().makePromise(of: ConnectionResult.self)
                    do {
                        let channel = try await ClientBootstrap(group: promise.futureResult.eventLoop)
                            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                            .channelInitializer { channel in
                                channel.eventLoop.makeCompletedFuture {
                                    try channel.pipeline.syncOperations.addHandler(
                                        ClosedLoopHandler(next: next, end: end, promise: promise))
                                }
                            }
                            .connect(host: host, port: port).get()
                        _ = channel
                    } catch {
                        promise.fail(error)
                    }
                    return try await promise.futureResult.get()
                }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        let seconds = Double((NIODeadline.now() - start).nanoseconds) / 1e9
        return Outcome(
            requests: results.reduce(0) { $0 + $1.latencies.count },
            failures: results.reduce(0) { $0 + $1.failures }, seconds: seconds,
            latencies: results.flatMap(\.latencies).sorted())
    }

    struct ConnectionResult: Sendable {
        var latencies: [Double] = []
        var failures = 0
    }
}

/// One connection of an `HTTPLoad`; lives on its channel's event loop.
private final class ClosedLoopHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let next: @Sendable () -> ByteBuffer
    private let end: NIODeadline
    private let promise: EventLoopPromise<HTTPLoad.ConnectionResult>
    private var result = HTTPLoad.ConnectionResult()
    private var received: ByteBuffer?
    private var sentAt = NIODeadline.now()
    private var finished = false

    init(
        next: @escaping @Sendable () -> ByteBuffer, end: NIODeadline,
        promise: EventLoopPromise<HTTPLoad.ConnectionResult>
    ) {
        self.next = next
        self.end = end
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        if received == nil { received = chunk } else { received?.writeBuffer(&chunk) }
        guard let bytes = received, let answer = bytes.withUnsafeReadableBytes({ AnswerFrame($0) }) else { return }
        received = nil
        if answer.status == 200 || answer.status == 201 {
            result.latencies.append(Double((NIODeadline.now() - sentAt).nanoseconds) / 1e9)
        } else {
            result.failures += 1
        }
        if NIODeadline.now() < end { send(context) } else { finish(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !finished else { return }
        finished = true
        promise.fail(HTTPLoad.Failure(description: "the server closed a connection under load"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !finished else { return }
        finished = true
        promise.fail(error)
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext) {
        sentAt = .now()
        context.writeAndFlush(wrapOutboundOut(next()), promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext) {
        finished = true
        promise.succeed(result)
        context.close(promise: nil)
    }
}

/// The outline of a complete HTTP/1.1 answer with a `Content-Length`.
private struct AnswerFrame {
    var status: Int

    /// Nil while the answer is incomplete.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 12 else { return nil }
        status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
        var length = 0
        var line = 0
        while let newline = memchr(base + line, 0x0a, bytes.count - line) {
            let lineEnd = UnsafeRawPointer(newline) - base
            if lineEnd - line <= 1 {
                guard bytes.count - (lineEnd + 1) >= length else { return nil }
                return
            }
            // "content-length: " is 16 bytes; no other header of these answers starts with "content-l".
            if lineEnd - line > 16, bytes[line + 8] | 0x20 == UInt8(ascii: "l"),
                bytes[line] | 0x20 == UInt8(ascii: "c"),
                bytes[line + 7] == UInt8(ascii: "-")
            {
                length = 0
                for byte in bytes[(line + 15)..<lineEnd] where (0x30...0x39).contains(byte) {
                    length = length * 10 + Int(byte - 0x30)
                }
            }
            line = lineEnd + 1
        }
        return nil
    }
}
