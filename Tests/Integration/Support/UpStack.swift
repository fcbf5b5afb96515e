import Foundation
import Glibc
import TestSupport

/// The whole stack, brought up by `sie up`.
final class UpStack: Sendable {
    let process: ProgramProcess
    let client: GatewayClient

    /// The stack that tests share which leave it as it was. It ends with the test process.
    static let shared = Task {
        let stack = try await UpStack()
        SharedStackEnd.arrange(for: stack.process.processIdentifier)
        return stack
    }

    /// Brings a stack up and waits until it says so.
    init(arguments: [String] = [], environment: [String: String?] = [:]) async throws {
        process = try Self.start(arguments: arguments, environment: environment)
        let url = try await process.output("the stack is up", within: .seconds(120)) { output in
            output.firstMatch(of: /listens on (http:\S+) and serves/).map { String($0.1) }
        }
        client = GatewayClient(url: url)
    }

    /// Starts `sie up` without waiting.
    static func start(
        arguments: [String] = [], environment: [String: String?] = [:], model: Bool = true
    ) throws -> ProgramProcess {
        try ProgramProcess(
            try Tools.product("sie"),
            arguments: ["up", "--port", "0"] + (model ? ["--model-dir", try Tools.miniLM()] : []) + arguments,
            environment: environment)
    }

    /// The processes of the stack, `sie` apart: name to id.
    func children() throws -> [String: Int32] {
        try ProcessTree.children(of: process.processIdentifier)
    }

    /// Stops the stack as Ctrl-C does.
    func interrupt() async throws -> Int32 {
        process.signal(SIGINT)
        return try await process.exitCode(within: .seconds(60))
    }
}

/// Stops the shared stack when the test process ends, which runs no deinitialisers.
private enum SharedStackEnd {
    nonisolated(unsafe) private static var process: pid_t = 0

    static func arrange(for process: pid_t) {
        // Written once, before the handler can run.
        self.process = process
        atexit {
            kill(SharedStackEnd.process, SIGTERM)
            for _ in 0..<500 where kill(SharedStackEnd.process, 0) == 0 {
                waitpid(SharedStackEnd.process, nil, WNOHANG)
                usleep(20_000)
            }
        }
    }
}
