import CEpoll
import Foundation
import Glibc
import NIOCore

/// A closed-loop HTTP/1.1 load: every connection sends the next request as soon as it has the whole answer.
///
/// The load shares the processor with what it measures. So it is one thread that waits for its sockets with epoll, and reads no more of an answer than it must: the status, `Content-Length`, and where it ends.
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

    /// On the loopback interface.
    var port: Int
    /// Gives a complete request, head and body, for each sending.
    var next: @Sendable () -> ByteBuffer

    /// A load of one request again and again.
    init(port: Int, request: ByteBuffer) {
        self.init(port: port) { request }
    }

    init(port: Int, next: @escaping @Sendable () -> ByteBuffer) {
        self.port = port
        self.next = next
    }

    func run(connections: Int, duration: TimeAmount) async throws -> Outcome {
        let (results, continuation) = AsyncThrowingStream.makeStream(of: Outcome.self)
        let (port, next) = (port, next)
        // A thread of its own: it blocks, and must not take one from the pool of tasks.
        Thread { @Sendable in
            do {
                var loop = try LoadLoop(port: port, connections: connections, next: next)
                continuation.yield(try loop.run(for: duration))
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }.start()
        for try await outcome in results { return outcome }
        throw Failure(description: "the load ended without a result")
    }
}

/// The thread of one run.
private struct LoadLoop: ~Copyable {
    private let next: @Sendable () -> ByteBuffer
    private var connections: [LoadConnection] = []
    private let epoll: Int32
    private var ready: [epoll_event]
    private var latencies: [Double] = []
    private var failures = 0

    init(port: Int, connections count: Int, next: @escaping @Sendable () -> ByteBuffer) throws {
        self.next = next
        epoll = epoll_create1(0)
        ready = [epoll_event](repeating: epoll_event(), count: count)
        for index in 0..<count {
            let connection = try LoadConnection(port: port)
            connections.append(connection)
            var interest = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index)))
            guard epoll_ctl(epoll, EPOLL_CTL_ADD, connection.descriptor, &interest) == 0 else {
                throw HTTPLoad.Failure(description: "epoll_ctl: \(String(cString: strerror(errno)))")
            }
        }
    }

    deinit {
        for connection in connections { close(connection.descriptor) }
        close(epoll)
    }

    mutating func run(for duration: TimeAmount) throws -> HTTPLoad.Outcome {
        let start = NIODeadline.now()
        let end = start + duration
        for index in connections.indices { try connections[index].send(next()) }
        var waiting = connections.count
        while waiting > 0 {
            let count = epoll_wait(epoll, &ready, Int32(ready.count), 30_000)
            guard count > 0 else { throw HTTPLoad.Failure(description: "no answer within 30 s") }
            for event in ready[..<Int(count)] {
                let index = Int(event.data.u64)
                guard let status = try connections[index].receive() else { continue }
                let now = NIODeadline.now()
                if status == 200 || status == 201 {
                    latencies.append(Double((now - connections[index].sentAt).nanoseconds) / 1e9)
                } else {
                    failures += 1
                }
                if now < end { try connections[index].send(next()) } else { waiting -= 1 }
            }
        }
        return HTTPLoad.Outcome(
            requests: latencies.count, failures: failures,
            seconds: Double((NIODeadline.now() - start).nanoseconds) / 1e9, latencies: latencies.sorted())
    }
}

/// One connection: what it has sent, and what of the answer has come.
private struct LoadConnection {
    let descriptor: Int32
    private(set) var sentAt = NIODeadline.now()
    private var answer = [UInt8](repeating: 0, count: 64 << 10)
    private var received = 0
    /// Known once the head has come.
    private var frame: AnswerFrame?

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw HTTPLoad.Failure(description: "connect: \(String(cString: strerror(errno)))")
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    mutating func send(_ request: ByteBuffer) throws {
        received = 0
        frame = nil
        sentAt = .now()
        // The socket is blocking: a long request may wait for the server to read, and nothing else waits for this thread.
        let isSent = request.withUnsafeReadableBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
        guard isSent else { throw HTTPLoad.Failure(description: "send: \(String(cString: strerror(errno)))") }
    }

    /// Reads what is there.
    ///
    /// - Returns: the status of the answer when it is whole.
    mutating func receive() throws -> Int? {
        if received == answer.count { answer += [UInt8](repeating: 0, count: answer.count) }
        let count = answer.withUnsafeMutableBytes { bytes in
            recv(
                descriptor, bytes.baseAddress?.advanced(by: received), bytes.count - received,
                Int32(MSG_DONTWAIT))
        }
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return nil }
            throw HTTPLoad.Failure(description: "the server closed a connection under load")
        }
        received += count
        if frame == nil {
            frame = answer.withUnsafeBytes { AnswerFrame(UnsafeRawBufferPointer(rebasing: $0[..<received])) }
        }
        guard let frame, received >= frame.bytes else { return nil }
        return frame.status
    }
}

/// The outline of an HTTP/1.1 answer with a `Content-Length`.
private struct AnswerFrame {
    var status: Int
    /// Of head and body.
    var bytes: Int

    /// Nil while the head is incomplete.
    init?(_ received: UnsafeRawBufferPointer) {
        guard let base = received.baseAddress, received.count > 12 else { return nil }
        status = received[9..<12].reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
        var length = 0
        var line = 0
        while let newline = memchr(base + line, 0x0a, received.count - line) {
            let lineEnd = UnsafeRawPointer(newline) - base
            if lineEnd - line <= 1 {
                bytes = lineEnd + 1 + length
                return
            }
            // "content-length: " is 16 bytes; no other header of these answers starts with "content-l".
            if lineEnd - line > 16, received[line + 8] | 0x20 == UInt8(ascii: "l"),
                received[line] | 0x20 == UInt8(ascii: "c"), received[line + 7] == UInt8(ascii: "-")
            {
                length = 0
                for byte in received[(line + 15)..<lineEnd] where (0x30...0x39).contains(byte) {
                    length = length * 10 + Int(byte - 0x30)
                }
            }
            line = lineEnd + 1
        }
        return nil
    }
}
