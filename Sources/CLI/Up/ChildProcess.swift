import Subprocess
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One running process of the stack.
///
/// It is in a process group of its own, so that Ctrl-C in the terminal reaches `sie` alone and the stack stops in
/// order, and it ends with `sie` even when that is killed (see ``RunChildCommand``).
struct ChildProcess: Sendable {
    private let plan: ChildPlan
    private let sie: String
    private let requests: AsyncStream<Signal>
    private let request: AsyncStream<Signal>.Continuation

    /// - Parameter sie: The absolute path of the running program.
    init(plan: ChildPlan, sie: String) {
        self.plan = plan
        self.sie = sie
        (self.requests, self.request) = AsyncStream.makeStream()
    }

    /// Asks the process to stop.
    func terminate() { request.yield(.terminate) }

    /// Ends the process at once.
    func kill() { request.yield(.kill) }

    /// Runs the process to its end, handing every line of its standard output and error to `onLine`.
    func run(onLine: @Sendable @escaping (String) -> Void) async -> Supervisor.ExitStatus {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))]
        do {
            let result = try await Subprocess.run(
                .path(FilePath(sie)),
                arguments: Arguments(["run-child", "--parent", "\(getpid())", "--", plan.program] + plan.arguments),
                environment: .inherit.updating(
                    Dictionary(
                        uniqueKeysWithValues: plan.environment.map { (Environment.Key(stringLiteral: $0), $1) })),
                platformOptions: options,
                input: .none,
                output: .sequence,
                error: .combinedWithOutput
            ) { execution in
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        for await signal in requests {
                            // Fails only where the process has just ended, which the end of its output reports.
                            try? execution.send(signal: signal)
                        }
                    }
                    let lines = execution.standardOutput.strings(
                        separatedBy: .unicodeScalarSequence("\n".unicodeScalars), bufferingPolicy: .unbounded)
                    for try await line in lines { onLine(line) }
                    group.cancelAll()
                }
            }
            return switch result.terminationStatus {
            case .exited(let code): .code(code)
            case .signaled(let number): .signal(number)
            }
        } catch {
            return .notStarted(reason: "\(error)")
        }
    }
}
