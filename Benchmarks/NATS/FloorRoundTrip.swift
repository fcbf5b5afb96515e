import Foundation
import Glibc

/// The round trip by the leanest possible peer: one thread and one blocking socket a side, prepared bytes, and no more
/// parsing than finding a message's end. It serves no reconnect, no limits, no errors; what it takes is the server's
/// share, the kernel's, and two system calls a wake-up: the least processor time that a client can do with.
enum FloorRoundTrip {
    static func run(
        port: Int, stream: String, subject: String, consumer: String, payloadBytes: Int, recorder: RoundTripRecorder,
        inFlight: Int
    ) async throws {
        let worker = try FloorWorker(port: port, stream: stream, consumer: consumer, payloadBytes: payloadBytes)
        let asker = try FloorAsker(
            port: port, subject: subject, payloadBytes: payloadBytes, recorder: recorder, inFlight: inFlight)
        worker.start()
        asker.start()
        await recorder.wait()
        try await asker.stop()
        try await worker.stop()
    }

    /// Where the worker answers; the asker's second inbox takes publish acknowledgements.
    fileprivate static let inbox = "_INBOX.floor.answer"
    fileprivate static let acknowledgements = "_INBOX.floor.ack"
}

/// Publishes prepared messages, counts answers and publish acknowledgements.
///
/// `@unchecked Sendable`: all but `link` belongs to the one thread from `start` on.
private final class FloorAsker: @unchecked Sendable {
    private let link: FloorLink
    private let recorder: RoundTripRecorder
    private let inFlight: Int
    /// One PUB operation; the time goes where its payload begins.
    private var publish: [UInt8]
    private let payloadStart: Int

    init(port: Int, subject: String, payloadBytes: Int, recorder: RoundTripRecorder, inFlight: Int) throws {
        self.recorder = recorder
        self.inFlight = inFlight
        let count = max(8, payloadBytes)
        let line = "PUB \(subject) \(FloorRoundTrip.acknowledgements) \(count)\r\n"
        payloadStart = line.utf8.count
        publish = Array(line.utf8) + Array(repeating: 0x78, count: count) + Array("\r\n".utf8)
        link = try FloorLink(port: port)
        try link.send(
            Array("SUB \(FloorRoundTrip.inbox) 1\r\nSUB \(FloorRoundTrip.acknowledgements) 2\r\nPING\r\n".utf8))
        try link.waitForPong()
    }

    func start() { link.start { self.loop() } }

    func stop() async throws { try await link.stop() }

    private func loop() {
        var output: [UInt8] = []
        for _ in 0..<inFlight { append(to: &output) }
        guard link.write(output) else { return }
        while link.fill() {
            output.removeAll(keepingCapacity: true)
            while let message = link.next() {
                guard message.subscription == UInt8(ascii: "1") else { continue }
                let sent = link.loadInteger(at: message.payload.lowerBound)
                if recorder.answered(sent: sent) { append(to: &output) }
            }
            guard output.isEmpty || link.write(output) else { return }
        }
    }

    private func append(to output: inout [UInt8]) {
        publish.withUnsafeMutableBytes {
            $0.storeBytes(of: RoundTripRecorder.now.bigEndian, toByteOffset: payloadStart, as: UInt64.self)
        }
        output.append(contentsOf: publish)
    }
}

/// Pulls, and gives each message back to the asker and an acknowledgement to the server, all of a read in one write.
///
/// `@unchecked Sendable`: all but `link` belongs to the one thread from `start` on.
private final class FloorWorker: @unchecked Sendable {
    private static let batch = 256

    private let link: FloorLink
    private let answerLine: [UInt8]
    /// Asks for half a batch.
    private let pull: [UInt8]

    init(port: Int, stream: String, consumer: String, payloadBytes: Int) throws {
        answerLine = Array("PUB \(FloorRoundTrip.inbox) \(max(8, payloadBytes))\r\n".utf8)
        let request = "{\"batch\":\(Self.batch / 2),\"expires\":30000000000}"
        pull = Array(
            ("PUB $JS.API.CONSUMER.MSG.NEXT.\(stream).\(consumer) _INBOX.floor.work \(request.utf8.count)\r\n"
                + "\(request)\r\n").utf8)
        link = try FloorLink(port: port)
        try link.send(Array("SUB _INBOX.floor.work 1\r\n".utf8) + pull + pull + Array("PING\r\n".utf8))
        try link.waitForPong()
    }

    func start() { link.start { self.loop() } }

    func stop() async throws { try await link.stop() }

    private func loop() {
        var output: [UInt8] = []
        var requested = Self.batch
        while link.fill() {
            output.removeAll(keepingCapacity: true)
            while let message = link.next() {
                output.append(contentsOf: answerLine)
                // The payload with the line end behind it.
                link.copy(message.payload.lowerBound..<message.payload.upperBound + 2, to: &output)
                output.append(contentsOf: "PUB ".utf8)
                link.copy(message.reply, to: &output)
                output.append(contentsOf: " 4\r\n+ACK\r\n".utf8)
                requested -= 1
                if requested <= Self.batch / 2 {
                    output.append(contentsOf: pull)
                    requested += Self.batch / 2
                }
            }
            guard output.isEmpty || link.write(output) else { return }
        }
    }
}

/// A blocking connection to a NATS server and the bytes read from it.
///
/// `@unchecked Sendable`: the buffer belongs to the maker until `start`, then to the thread; the descriptor is closed
/// after the thread has ended.
private final class FloorLink: @unchecked Sendable {
    /// Where the parts of a message lie in the buffer.
    struct Message {
        var subscription: UInt8
        var reply: Range<Int>
        var payload: Range<Int>
    }

    private let descriptor: Int32
    private static let capacity = 1 << 20
    private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    private var begin = 0
    private var end = 0
    private let ended = AsyncStream<Void>.makeStream()

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, connected == 0 else { throw BenchmarkFailure.library("connect: errno \(errno)") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        try send(Array("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n".utf8))
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    func start(_ body: @escaping @Sendable () -> Void) {
        Thread { @Sendable [ended] in
            body()
            ended.continuation.finish()
        }.start()
    }

    /// Ends the thread, which sees the end of its input, and waits for it.
    func stop() async throws {
        shutdown(descriptor, Int32(SHUT_RDWR))
        for await _ in ended.stream {}
    }

    func send(_ bytes: [UInt8]) throws {
        guard write(bytes) else { throw BenchmarkFailure.library("write: errno \(errno)") }
    }

    func waitForPong() throws {
        let pong = Array("PONG\r\n".utf8)
        while fill() {
            if UnsafeBufferPointer(start: buffer + begin, count: end - begin).suffix(pong.count).elementsEqual(pong) {
                begin = end
                return
            }
        }
        throw BenchmarkFailure.library("the server closed the connection")
    }

    func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                written += count
            }
            return true
        }
    }

    /// Reads once, behind what is left of the last message.
    /// - Returns: whether the connection still stands.
    func fill() -> Bool {
        if begin > 0 {
            memmove(buffer, buffer + begin, end - begin)
            end -= begin
            begin = 0
        }
        let count = read(descriptor, buffer + end, Self.capacity - end)
        guard count > 0 else { return false }
        end += count
        return true
    }

    /// The next message that is here in full; other operations (PING, INFO) are passed over.
    func next() -> Message? {
        while begin < end {
            guard let newline = memchr(buffer + begin, 0x0a, end - begin) else { return nil }
            let lineEnd = newline.assumingMemoryBound(to: UInt8.self) - buffer
            guard buffer[begin] == UInt8(ascii: "M") else {
                begin = lineEnd + 1
                continue
            }
            // From behind: the size, then the reply subject where there is one.
            var index = lineEnd - 2
            var size = 0
            var unit = 1
            while buffer[index] != UInt8(ascii: " ") {
                size += Int(buffer[index] - UInt8(ascii: "0")) * unit
                unit *= 10
                index -= 1
            }
            let payload = lineEnd + 1..<lineEnd + 1 + size
            guard payload.upperBound + 2 <= end else { return nil }
            // Subscriptions have one digit; a subject token before the size is the reply.
            var reply = index..<index
            if buffer[index - 2] != UInt8(ascii: " ") {
                var start = index
                while buffer[start - 1] != UInt8(ascii: " ") { start -= 1 }
                reply = start..<index
                index = start - 1
            }
            let subscription = buffer[index - 1]
            begin = payload.upperBound + 2
            return Message(subscription: subscription, reply: reply, payload: payload)
        }
        return nil
    }

    func loadInteger(at offset: Int) -> UInt64 {
        UInt64(bigEndian: UnsafeRawPointer(buffer + offset).loadUnaligned(as: UInt64.self))
    }

    func copy(_ range: Range<Int>, to output: inout [UInt8]) {
        output.append(contentsOf: UnsafeBufferPointer(start: buffer + range.lowerBound, count: range.count))
    }
}
