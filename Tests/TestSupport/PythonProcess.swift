import Foundation
import Glibc

/// A Python script run with the interpreter of `.tools/python`, as an independent peer. It is killed with the last
/// reference.
package final class PythonProcess: Sendable {
    package struct Failed: Error, CustomStringConvertible {
        package let description: String
    }

    /// The interpreter's path; `nil`, with a loud line, where it is not installed.
    package static var interpreter: String? {
        let path = Fixtures.repository.appending(path: ".tools/python/bin/python").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("SKIPPED: no Python peers in .tools/python; run scripts/test")
            return nil
        }
        return path
    }

    /// Whether the interpreter is installed, for the conditions of tests.
    package static var isInstalled: Bool { interpreter != nil }

    /// What the script prints, line by line; ends when it exits.
    package let lines: AsyncStream<String>
    private let process: ChildProcess
    /// Read for as long as this is here.
    private let output = Pipe()
    private let errorFile: URL

    /// Starts a script.
    package init(_ source: String, arguments: [String] = []) throws {
        guard let path = Self.interpreter else { throw Failed(description: "Python is not installed") }
        errorFile = FileManager.default.temporaryDirectory.appending(path: "python-\(UUID().uuidString).log")
        process = try ChildProcess(
            path, arguments: ["-u", "-c", source] + arguments,
            output: .descriptor(output.fileHandleForWriting.fileDescriptor), error: .writing(errorFile))
        // Else its end would not be the end of what is read.
        try output.fileHandleForWriting.close()
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let pending = LineBuffer()
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            for line in pending.append(data) { continuation.yield(line) }
            if data.isEmpty {
                handle.readabilityHandler = nil
                continuation.finish()
            }
        }
    }

    deinit {
        process.signal(SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: errorFile)
    }

    /// Runs a script to its end and returns the lines it printed; a traceback becomes an error.
    package static func run(_ source: String, arguments: [String] = []) async throws -> [String] {
        let python = try PythonProcess(source, arguments: arguments)
        var printed: [String] = []
        for await line in python.lines { printed.append(line) }
        // Its output has ended, so it exits at once.
        guard python.process.waitUntilExit() == .exit(0) else {
            throw Failed(description: python.errors)
        }
        return printed
    }

    /// What the script wrote to its standard error.
    package var errors: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }
}

/// Cuts bytes into lines. Used by one readability handler, whose calls never overlap.
private final class LineBuffer: @unchecked Sendable {
    private var rest = Data()

    func append(_ data: Data) -> [String] {
        rest.append(data)
        var lines: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
            rest = Data(rest[rest.index(after: end)...])
        }
        return lines
    }
}
