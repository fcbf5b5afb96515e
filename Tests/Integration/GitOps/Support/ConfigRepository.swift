import Foundation
import TestSupport

/// A git repository of model configs, in a folder of its own, removed with the last reference.
final class ConfigRepository: Sendable {
    struct Failed: Error {
        var description: String
    }

    let path: String

    init() async throws {
        path = FileManager.default.temporaryDirectory.appending(path: "configs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await git("init", "--quiet", "--initial-branch=main")
        write("# Model configs\n", to: "README.md")
        try await commit()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to file: String) { write(Data(text.utf8), to: file) }

    func write(_ data: Data, to file: String) {
        let url = URL(filePath: path).appending(path: file)
        try? FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: url.path, contents: data)
    }

    /// Commits everything.
    /// - Returns: the commit.
    @discardableResult
    func commit() async throws -> String {
        try await git("add", "--all")
        try await git("commit", "--quiet", "--allow-empty", "--message", "change")
        return try await head()
    }

    func head() async throws -> String { try await git("rev-parse", "HEAD") }

    @discardableResult
    func git(_ arguments: String...) async throws -> String {
        let process = try ProgramProcess(
            "/usr/bin/git",
            arguments: ["-C", path, "-c", "user.name=Test", "-c", "user.email=test@example.org"] + arguments,
            environment: ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"])
        guard try await process.exitCode() == 0 else {
            throw Failed(description: "git \(arguments.joined(separator: " ")): \(process.standardError)")
        }
        return String(process.standardOutput.drop(while: \.isWhitespace).prefix { $0 != "\n" })
    }
}

/// A model that the default bundle can serve.
struct SampleModel: Sendable {
    var id: String
    var maxBatchTokens = 8192
    var adapterPath = "sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter"

    /// A model that no other test knows.
    init(_ name: String) {
        id = "\(name)-\(UUID().uuidString.prefix(8).lowercased())"
    }

    /// Where its file lies by the rule of names.
    var file: String { "configs/models/\(id.replacing("/", with: "__")).yaml" }

    var yaml: String {
        """
        sie_id: \(id)
        hf_id: \(id)
        inputs: {text: true}
        tasks: {encode: {dense: {dim: 384}}}
        max_sequence_length: 256
        profiles:
          default:
            adapter_path: \(adapterPath)
            max_batch_tokens: \(maxBatchTokens)

        """
    }
}
