import Foundation
import Glibc
import JSONStream
import TestSupport

/// A child process that answers one JSON object a line on its standard output for each on its standard input.
final class PeerProcess {
    struct Ended: Error, CustomStringConvertible {
        let command: String
        var description: String { "\(command) ended before it answered" }
    }

    private let process: ChildProcess
    private let input = Pipe()
    private let output = Pipe()
    private var unread = Data()
    private let command: String

    init(_ program: String, _ arguments: [String]) throws {
        command = ([program] + arguments).joined(separator: " ")
        process = try ChildProcess(
            program, arguments: arguments, input: .descriptor(input.fileHandleForReading.fileDescriptor),
            output: .descriptor(output.fileHandleForWriting.fileDescriptor), error: .descriptor(STDERR_FILENO))
        try input.fileHandleForReading.close()
        try output.fileHandleForWriting.close()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func ask(_ request: KeyValuePairs<String, JSONValue>) throws -> JSONValue {
        let line = JSONWriter.encode(.object(request.map { JSONMember($0.key, $0.value) })) + [UInt8(ascii: "\n")]
        try input.fileHandleForWriting.write(contentsOf: Data(line))
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread = Data(unread[unread.index(after: end)...]) }
                return try JSONReader.decode(Array(unread[..<end]))
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Ended(command: command) }
            unread.append(more)
        }
    }
}
