import Foundation
import Glibc

/// A program that a test runs: its output goes to files that the test can look at, and it is gone with the last
/// reference.
package final class ProgramProcess: Sendable {
    package struct Timeout: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    package let name: String
    private let folder: URL
    private let process: ChildProcess

    /// Starts the program.
    /// - Parameters:
    ///   - environment: set on top of the test's own; a nil value removes a variable.
    ///   - input: what the program reads from its standard input.
    package init(
        _ path: String, arguments: [String] = [], environment: [String: String?] = [:], input: Data? = nil
    ) throws {
        name = URL(filePath: path).lastPathComponent
        folder = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try (input ?? Data()).write(to: folder.appending(path: "input"))
        process = try ChildProcess(
            path, arguments: arguments,
            environment: ProcessInfo.processInfo.environment
                .merging(environment.mapValues { $0 ?? "" }) { $1 }
                .filter { key, _ in environment[key] != .some(nil) },
            input: .reading(folder.appending(path: "input")), output: .writing(folder.appending(path: "output")),
            error: .writing(folder.appending(path: "error")))
    }

    deinit {
        process.signal(SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    package var processIdentifier: Int32 { process.identifier }
    package var isRunning: Bool { process.isRunning }

    /// What it wrote to its standard output until now.
    package var standardOutput: String { text("output") }
    /// What it wrote to its standard error until now.
    package var standardError: String { text("error") }

    package func signal(_ number: Int32) { process.signal(number) }

    /// Waits for the program's end.
    /// - Returns: its exit code, or 128 plus the number of the signal that ended it.
    @discardableResult
    package func exitCode(within limit: Duration = .seconds(60)) async throws -> Int32 {
        try await until("\(name) ends", within: limit) { process.end?.code }
    }

    /// Waits until `look` gives a value; fails early, with what the program wrote, when it ends before.
    package func output<Value>(
        _ what: String, within limit: Duration = .seconds(60), _ look: (String) -> Value?
    ) async throws -> Value {
        try await until(what, within: limit) {
            if let value = look(standardOutput) { return value }
            guard isRunning else { throw Timeout(description: "\(name) ended before \(what)\n\(standardError)") }
            return nil
        }
    }

    private func until<Value>(
        _ what: String, within limit: Duration, _ look: () throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + limit
        while true {
            if let value = try look() { return value }
            guard ContinuousClock.now < deadline else {
                throw Timeout(description: "not within \(limit): \(what)\n\(standardOutput)\n\(standardError)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func text(_ file: String) -> String {
        let data = (try? Data(contentsOf: folder.appending(path: file))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}
