import Foundation
import Glibc
import Synchronization

/// One of our own programs, as it was built, running as a child that listens on a port of its own.
///
/// The process goes with the last reference.
package final class ProductProcess: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case notBuilt(String)
        case didNotStart(String, log: String)

        package var description: String {
            switch self {
            case .notBuilt(let path): "\(path) has not been built"
            case .didNotStart(let name, let log): "\(name) did not start:\n\(log)"
            }
        }
    }

    /// The product's name.
    package let name: String
    /// The port given to it.
    package let port: Int
    private let logFile: URL
    private let process: Mutex<Process?>

    /// Starts a product and waits until its port takes connections.
    /// - Parameters:
    ///   - arguments: built from the free port it is to listen on.
    ///   - environment: added to this process's own.
    package init(
        _ name: String, environment: [String: String] = [:], arguments: (_ port: Int) -> [String]
    ) async throws {
        let path = Fixtures.repository.appending(path: ".build/release/\(name)").path
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Failure.notBuilt(path) }
        self.name = name
        port = try NATSServerProcess.freePort()
        logFile = FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString).log")
        _ = FileManager.default.createFile(atPath: logFile.path, contents: nil)
        let log = try FileHandle(forWritingTo: logFile)
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments(port)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = log
        process.standardError = log
        try process.run()
        self.process = Mutex(process)
        let start = ContinuousClock.now
        while !Self.accepts(port: port) {
            guard process.isRunning, .now - start < .seconds(15) else {
                throw Failure.didNotStart(name, log: self.log)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    deinit {
        if let process = process.withLock({ $0.take() }), process.isRunning {
            _ = Glibc.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(at: logFile)
    }

    /// What it wrote to both outputs.
    package var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }

    package var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Sends a signal.
    package func signal(_ number: Int32) {
        process.withLock { process in
            if let process, process.isRunning { _ = Glibc.kill(process.processIdentifier, number) }
        }
    }

    /// Waits until it has ended.
    /// - Returns: its exit status, or nil when it did not end in time.
    package func exitStatus(within limit: Duration) async throws -> Int32? {
        let start = ContinuousClock.now
        while isRunning {
            guard .now - start < limit else { return nil }
            try await Task.sleep(for: .milliseconds(10))
        }
        return process.withLock { $0?.terminationStatus }
    }

    private static func accepts(port: Int) -> Bool {
        guard let socket = try? LoopbackSocket() else { return false }
        defer { socket.close() }
        return socket.connect(port: port)
    }
}
