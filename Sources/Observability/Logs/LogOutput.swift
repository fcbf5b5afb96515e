import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes log lines to a file descriptor without making the caller wait for it.
///
/// Lines are appended to a buffer under a lock and written by a serial queue of its own, many lines to one system call.
/// A reader that stalls costs lines, never latency: beyond `capacityBytes` they are counted and dropped, and the next
/// line that fits says how many are missing.
public final class LogOutput: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var droppedLines = 0
        var isScheduled = false
    }

    /// The process's standard output.
    public static let standardOutput = LogOutput(fileDescriptor: 1)
    /// The process's standard error.
    public static let standardError = LogOutput(fileDescriptor: 2)

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "log output")
    private let fileDescriptor: Int32
    private let capacityBytes: Int

    /// Creates an output; it does not own the descriptor.
    public init(fileDescriptor: Int32, capacityBytes: Int = 4 << 20) {
        self.fileDescriptor = fileDescriptor
        self.capacityBytes = capacityBytes
    }

    /// Queues one line, which must end with a line feed.
    public func write(_ line: [UInt8]) {
        let mustSchedule = state.withLock { state in
            guard state.pending.count + line.count <= capacityBytes else {
                state.droppedLines += 1
                return false
            }
            if state.droppedLines > 0 {
                state.pending.append(contentsOf: "\(state.droppedLines) log lines dropped\n".utf8)
                state.droppedLines = 0
            }
            state.pending.append(contentsOf: line)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule {
            queue.async { self.drain() }
        }
    }

    /// Returns once everything queued so far is written. For the end of the process; never call it on an event loop.
    public func flush() {
        queue.sync { drain() }
    }

    /// Runs something later, where lines are written.
    func perform(after delay: Duration, _ body: @escaping @Sendable () -> Void) {
        let milliseconds = delay.components.seconds * 1000 + delay.components.attoseconds / 1_000_000_000_000_000
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(milliseconds) + 1), execute: body)
    }

    private func drain() {
        while true {
            let bytes = state.withLock { state in
                let bytes = state.pending
                state.pending = []
                if bytes.isEmpty { state.isScheduled = false }
                return bytes
            }
            if bytes.isEmpty { return }
            bytes.withUnsafeBytes { buffer in
                var rest = buffer[...]
                while let base = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
                    #if canImport(Glibc)
                        let written = Glibc.write(fileDescriptor, base, rest.count)
                    #elseif canImport(Musl)
                        let written = Musl.write(fileDescriptor, base, rest.count)
                    #else
                        let written = Darwin.write(fileDescriptor, base, rest.count)
                    #endif
                    if written > 0 {
                        rest = rest.dropFirst(written)
                    } else if errno == EINTR {
                        continue
                    } else if errno == EAGAIN {
                        // A non-blocking descriptor handed to us: wait until it takes bytes again.
                        var poller = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
                        poll(&poller, 1, 1000)
                    } else {
                        return
                    }
                }
            }
        }
    }
}
