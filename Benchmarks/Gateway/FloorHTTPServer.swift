import Foundation
import Glibc
import Synchronization

/// The HTTP side by the leanest possible server: one thread, `poll`, no parsing but counting a request's bytes, and one
/// prepared answer. What it takes is the kernel's share and the load generator's; no gateway's HTTP side can take less.
///
/// `@unchecked Sendable`: the buffers and connections belong to the one thread from `start` on.
final class FloorHTTPServer: @unchecked Sendable {
    let port: Int
    private let listener: Int32
    private let requestBytes: Int
    private let answer: [UInt8]
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var descriptors: [pollfd]
    /// What each connection has received of its current request; the listener's place is unused.
    private var received = [0]
    private let isStopping = Atomic<Bool>(false)
    private let ended = AsyncStream<Void>.makeStream()

    /// - Parameters:
    ///   - requestBytes: the length of every request, head and body.
    ///   - answerBodyBytes: the length of the body of every answer.
    init(requestBytes: Int, answerBodyBytes: Int) throws {
        self.requestBytes = requestBytes
        answer =
            Array("HTTP/1.1 200 OK\r\ncontent-length: \(answerBodyBytes)\r\n\r\n".utf8)
            + Array(repeating: 0x78, count: answerBodyBytes)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, size) = (listener, length)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 512) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, isListening else { throw BenchmarkFailure.library("listen: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        descriptors = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    }

    func start() {
        Thread { @Sendable in
            self.loop()
            self.ended.continuation.finish()
        }.start()
    }

    func stop() async {
        isStopping.store(true, ordering: .releasing)
        for await _ in ended.stream {}
    }

    private func loop() {
        while !isStopping.load(ordering: .acquiring) {
            guard poll(&descriptors, nfds_t(descriptors.count), 50) > 0 else { continue }
            // From behind, so that one that has ended can leave.
            for index in descriptors.indices.reversed() where descriptors[index].revents != 0 {
                if index == 0 { accept() } else { serve(index) }
            }
        }
        for descriptor in descriptors { close(descriptor.fd) }
    }

    private func accept() {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        received.append(0)
    }

    /// Reads once, and answers if that was a request's end.
    private func serve(_ index: Int) {
        let count = read(descriptors[index].fd, &buffer, buffer.count)
        var isOpen = count > 0
        received[index] += max(0, count)
        if received[index] >= requestBytes {
            received[index] = 0
            isOpen = send(descriptors[index].fd, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count
        }
        guard !isOpen else { return }
        close(descriptors[index].fd)
        descriptors.remove(at: index)
        received.remove(at: index)
    }
}
