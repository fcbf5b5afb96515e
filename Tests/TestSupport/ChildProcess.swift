import CSpawn
import Foundation
import Glibc
import Synchronization

/// A process that was started, until it was waited for.
///
/// Foundation's `Process` is not used: before each start it reads `/proc/self/fd` and copies every entry as a whole
/// `dirent`, more bytes than the kernel gave. With some 1,300 files open that reads beyond the end of the buffer, and
/// the test process dies.
package final class ChildProcess: Sendable {
    /// Where one of the three standard streams leads.
    package enum Stream: Sendable {
        case null
        case reading(URL)
        /// The file is there and is written from its beginning.
        case writing(URL)
        case descriptor(Int32)
    }

    /// How a process ended.
    package enum End: Sendable, Equatable {
        case exit(Int32)
        case signal(Int32)

        /// The exit code, or 128 plus the number of the signal, as shells tell it.
        package var code: Int32 {
            switch self {
            case .exit(let code): code
            case .signal(let number): 128 + number
            }
        }
    }

    package struct CannotStart: Error, CustomStringConvertible {
        package let path: String
        package let code: Int32

        package var description: String { "cannot start \(path): \(String(cString: strerror(code)))" }
    }

    package let identifier: pid_t
    private let ended = Mutex<End?>(nil)

    /// Starts a program. It inherits nothing but its three streams, and no signal is blocked or ignored in it.
    ///
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - environment: all of it; nil passes the test's own on.
    ///   - directory: where it starts; nil is where the test runs.
    package init(
        _ path: String, arguments: [String] = [], environment: [String: String]? = nil, directory: URL? = nil,
        input: Stream = .null, output: Stream = .null, error: Stream = .null
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in [(STDIN_FILENO, input), (STDOUT_FILENO, output), (STDERR_FILENO, error)] {
            switch stream {
            case .null: posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            case .reading(let file): posix_spawn_file_actions_addopen(&actions, number, file.path, O_RDONLY, 0)
            case .writing(let file):
                posix_spawn_file_actions_addopen(&actions, number, file.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, number)
            }
        }
        if let directory { sie_spawn_change_directory(&actions, directory.path) }
        sie_spawn_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
        var identifier: pid_t = 0
        let code = Self.withCStrings([path] + arguments) { arguments in
            Self.withCStrings(variables) { variables in
                posix_spawn(&identifier, path, &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0 else { throw CannotStart(path: path, code: code) }
        self.identifier = identifier
    }

    /// Kills the process if nobody waited for its end.
    deinit {
        guard isRunning else { return }
        signal(SIGKILL)
        waitUntilExit()
    }

    package var isRunning: Bool { look(WNOHANG) == nil }

    /// How it ended; nil while it runs.
    package var end: End? { look(WNOHANG) }

    /// Sends a signal; does nothing once the process ended, when its number may be another's.
    package func signal(_ number: Int32) {
        ended.withLock { ended in
            if ended == nil { _ = kill(identifier, number) }
        }
    }

    /// Blocks until the process has ended.
    @discardableResult
    package func waitUntilExit() -> End {
        // Waits without the lock, and leaves the end to be collected under it.
        var information = siginfo_t()
        while ended.withLock({ $0 }) == nil, waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0,
            errno == EINTR
        {}
        return look(0) ?? .signal(SIGKILL)
    }

    private func look(_ options: Int32) -> End? {
        ended.withLock { ended in
            if let ended { return ended }
            var status: Int32 = 0
            var result: pid_t
            repeat { result = waitpid(identifier, &status, options) } while result < 0 && errno == EINTR
            guard result == identifier else { return nil }
            // <bits/waitstatus.h>: the low seven bits are the signal, zero for an exit, whose code is the next byte.
            let number = status & 0x7f
            let end = number == 0 ? End.exit((status >> 8) & 0xff) : .signal(number)
            ended = end
            return end
        }
    }

    private static func withCStrings<Value>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return (pointers + [nil]).withUnsafeBufferPointer { buffer in
            // The buffer holds at least the closing nil.
            body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }
}
