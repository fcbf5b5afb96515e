import NIOCore
import NIOPosix

/// A TCP connection that sends exactly the bytes it is given and reads answers one by one. For one task.
final class RawConnection {
    struct Answer: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    struct Ended: Error {
        let received: String
    }

    let channel: any Channel
    private var iterator: AsyncStream<ByteBuffer>.Iterator
    private var buffer = ByteBuffer()

    /// - Parameter reads: false leaves what the server sends to the system's buffers, until ``startReading()``.
    init(port: Int, reads: Bool = true) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        iterator = stream.makeAsyncIterator()
    }

    deinit {
        channel.close(promise: nil)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func startReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
    }

    func closeOutput() async throws {
        try await channel.close(mode: .output)
    }

    func close() async throws {
        try await channel.close()
    }

    /// The next answer; `hasBody` is false for answers to HEAD.
    func answer(hasBody: Bool = true) async throws -> Answer {
        let head = try await bytes(upTo: "\r\n\r\n")
        var lines = head.split(separator: "\r\n")
        let status = lines.removeFirst().split(separator: " ").dropFirst().first.flatMap { Int($0) }
        var headers: [String: String] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        var body = ""
        if hasBody, status != 100, status != 101 {
            if headers["transfer-encoding"] == "chunked" {
                // "\r\n" is one character.
                while let size = Int(try await bytes(upTo: "\r\n").dropLast(1), radix: 16), size > 0 {
                    body += try await bytes(count: size)
                    _ = try await bytes(count: 2)
                }
                _ = try await bytes(upTo: "\r\n")
            } else if let length = headers["content-length"].flatMap({ Int($0) }) {
                body = try await bytes(count: length)
            }
        }
        headers["date"] = nil
        return Answer(status: status ?? 0, headers: headers, body: body)
    }

    /// Everything until the peer closes.
    func rest() async -> String {
        while let more = await iterator.next() { buffer.writeImmutableBuffer(more) }
        return buffer.readString(length: buffer.readableBytes) ?? ""
    }

    func bytes(count: Int) async throws -> String {
        while buffer.readableBytes < count { try await receive() }
        return buffer.readString(length: count) ?? ""
    }

    func byteArray(count: Int) async throws -> [UInt8] {
        while buffer.readableBytes < count { try await receive() }
        return buffer.readBytes(length: count) ?? []
    }

    private func bytes(upTo end: String) async throws -> String {
        let mark = Array(end.utf8)
        while true {
            let view = buffer.readableBytesView
            if let range = view.firstRange(of: mark) {
                return buffer.readString(length: range.upperBound - view.startIndex) ?? ""
            }
            try await receive()
        }
    }

    private func receive() async throws {
        guard let more = await iterator.next() else {
            throw Ended(received: String(buffer: buffer))
        }
        buffer.writeImmutableBuffer(more)
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(unwrapInboundIn(data))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { continuation.finish() }
        }

        func channelInactive(context: ChannelHandlerContext) {
            continuation.finish()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
