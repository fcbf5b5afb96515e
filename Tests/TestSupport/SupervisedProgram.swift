import Foundation

/// A program that a test runs beside others and that must not outlive the test process, however that ends: a shell watches
/// over it and kills it when the pipe closes that this process holds. It goes with the last reference.
package final class SupervisedProgram: Sendable {
    private let shell: ChildProcess
    private let lifeline: Pipe
    private let logFile: URL

    private static let supervision = """
        exec 3<&0
        log=$1
        shift
        "$@" >"$log" 2>&1 3<&- &
        (read -r _ <&3) &
        wait -n
        kill -KILL $(jobs -p)
        wait
        """

    /// - Parameters:
    ///   - command: an absolute path, and arguments.
    ///   - log: where both outputs go.
    package init(_ command: [String], log: URL, directory: URL) throws {
        logFile = log
        lifeline = Pipe()
        shell = try ChildProcess(
            "/bin/bash", arguments: ["-c", Self.supervision, "supervisor", log.path] + command,
            environment: ["PATH": "/usr/bin:/bin"], directory: directory,
            input: .descriptor(lifeline.fileHandleForReading.fileDescriptor))
    }

    deinit { stop() }

    package var isRunning: Bool { shell.isRunning }

    /// What it wrote.
    package var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }

    /// Kills it and waits until it is gone.
    package func stop() {
        try? lifeline.fileHandleForWriting.close()
        shell.waitUntilExit()
    }
}
