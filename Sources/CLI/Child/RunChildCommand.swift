import ArgumentParser
import CProcess

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `sie run-child --parent PID -- PROGRAM ARGUMENT...`: becomes PROGRAM, which the kernel then kills when `sie` ends.
///
/// `sie up` starts every child through this step. A `sie` that is killed with SIGKILL cannot stop its children itself;
/// the parent-death signal set here is kept across `execv`, so that not even then is a server left behind.
/// (The signal is tied to the thread that created the child; swift-subprocess creates every child from one thread
/// that lives as long as the process.)
struct RunChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-child",
        abstract: "Become a program that ends together with its parent (used by `sie up`).",
        shouldDisplay: false)

    @Option(help: "The process id that must still be the parent when the program starts.")
    var parent: Int32

    @Argument(parsing: .postTerminator, help: "The absolute path of the program, and its arguments.")
    var command: [String]

    func validate() throws {
        guard let program = command.first, program.hasPrefix("/") else {
            throw ValidationError("name the program by its absolute path after --")
        }
    }

    func run() throws {
        let failure = cprocess_signal_on_parent_death(SIGKILL)
        guard failure == 0 || failure == ENOSYS else {
            throw CannotStart(reason: "prctl: \(String(cString: strerror(failure)))")
        }
        // The parent may have ended before the signal was asked for; then nobody would send it.
        guard getppid() == parent else { throw ExitCode(1) }

        // Commands run on a thread that blocks signals, and exec hands the mask on: the program would hear none.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        pthread_sigmask(SIG_SETMASK, &noSignals, nil)

        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        execv(command[0], arguments)
        throw CannotStart(reason: "\(command[0]): \(String(cString: strerror(errno)))")
    }

    private struct CannotStart: Error, CustomStringConvertible {
        let reason: String
        var description: String { "cannot start \(reason)" }
    }
}
