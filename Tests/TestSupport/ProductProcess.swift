import Foundation

/// One of our own programs, as it was built, serving on a port of its own. It goes with the last reference.
package final class ProductProcess: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case didNotStart(String, log: String)

        package var description: String {
            switch self {
            case .didNotStart(let name, let log): "\(name) did not start:\n\(log)"
            }
        }
    }

    /// The program behind it.
    package let program: ProgramProcess
    /// The port given to it.
    package let port: Int

    /// Starts a product and waits until its port takes connections.
    /// - Parameters:
    ///   - port: where it is to listen; nil for any free port.
    ///   - arguments: built from that port.
    ///   - environment: added to this process's own.
    package init(
        _ name: String, port: Int? = nil, environment: [String: String] = [:], arguments: (_ port: Int) -> [String]
    ) async throws {
        let port = try port ?? NATSServerProcess.freePort()
        self.port = port
        program = try ProgramProcess(
            try Tools.product(name), arguments: arguments(port), environment: environment.mapValues { Optional($0) })
        let start = ContinuousClock.now
        while !LoopbackSocket.accepts(port: port) {
            guard program.isRunning, .now - start < .seconds(15) else {
                throw Failure.didNotStart(name, log: log)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The product's name.
    package var name: String { program.name }
    /// What it wrote to both outputs.
    package var log: String { program.standardOutput + program.standardError }
    package var isRunning: Bool { program.isRunning }

    /// Sends a signal.
    package func signal(_ number: Int32) { if isRunning { program.signal(number) } }

    /// Kills it without a chance to say anything, and waits until it is gone.
    package func kill() async throws {
        program.signal(9)
        try await program.exitCode()
    }

    /// Waits until it has ended.
    /// - Returns: its exit code, or nil when it did not end in time.
    package func exitStatus(within limit: Duration) async throws -> Int32? {
        do {
            return try await program.exitCode(within: limit)
        } catch is ProgramProcess.Timeout {
            return nil
        }
    }
}
