import Subprocess
import SystemPackage

/// Asks git about the repository that a directory belongs to.
///
/// Paths are exchanged NUL-separated, so that blanks, quotes, line breaks and letters beyond ASCII come through.
struct GitRepository: Sendable {
    /// The absolute path of the work tree.
    let root: String

    /// The longest list of paths that is read.
    private static let maximumOutputBytes = 64 << 20

    private struct Result {
        var succeeded: Bool
        var output: [UInt8]
        var error: String
    }

    /// The repository around a directory.
    static func around(_ directory: String) async throws(PushError) -> GitRepository {
        let result = try await git(["rev-parse", "--show-toplevel"], in: directory)
        guard result.succeeded, let root = String(validating: result.output.dropLast(), as: UTF8.self) else {
            throw PushError("\(directory) is in no git repository: \(result.error)")
        }
        return GitRepository(root: root)
    }

    /// The full id of a commit; nil where it is not in the repository.
    func commit(_ name: String) async throws(PushError) -> String? {
        let result = try await git(["rev-parse", "--verify", "--quiet", "--end-of-options", "\(name)^{commit}"])
        return result.succeeded ? String(decoding: result.output.dropLast(), as: UTF8.self) : nil
    }

    /// Tries once to get a commit that no branch holds any more, as after a force push.
    func fetch(_ commit: String) async throws(PushError) {
        _ = try await git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", commit])
    }

    /// The paths, relative to the root, that differ between two commits.
    ///
    /// - Parameter kinds: letters of git's `--diff-filter`. A rename counts as a deletion and an addition.
    func changedPaths(_ kinds: String, from base: String, to head: String) async throws(PushError) -> [[UInt8]] {
        try await paths([
            "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=\(kinds)", base, head, "--",
        ])
    }

    /// All paths of a commit.
    func allPaths(at commit: String) async throws(PushError) -> [[UInt8]] {
        try await paths(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit])
    }

    private func paths(_ arguments: [String]) async throws(PushError) -> [[UInt8]] {
        let result = try await git(arguments)
        guard result.succeeded else { throw PushError("git \(arguments[0]) failed: \(result.error)") }
        return result.output.split(separator: 0).map { Array($0) }
    }

    private func git(_ arguments: [String]) async throws(PushError) -> Result {
        try await Self.git(arguments, in: root)
    }

    private static func git(_ arguments: [String], in directory: String) async throws(PushError) -> Result {
        do {
            let result = try await Subprocess.run(
                .name("git"), arguments: Arguments(arguments),
                // A fetch must fail rather than wait for somebody to type a password.
                environment: .inherit.updating(["GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"]),
                workingDirectory: FilePath(directory),
                output: .bytes(limit: maximumOutputBytes), error: .string(limit: 1 << 16))
            let error = result.standardError.split(whereSeparator: \.isNewline).joined(separator: "; ")
            return Result(succeeded: result.terminationStatus.isSuccess, output: result.standardOutput, error: error)
        } catch {
            throw PushError("git \(arguments.first ?? "") cannot be run: \(error)")
        }
    }
}
