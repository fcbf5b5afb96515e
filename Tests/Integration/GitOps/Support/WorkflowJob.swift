import Foundation
import TestSupport

/// Runs the scripts of a workflow the way GitHub's runner does: each block as a file under
/// `bash --noprofile --norc -e -o pipefail`, with its own environment, in the checked-out repository.
struct WorkflowJob: Sendable {
    struct Result: Sendable {
        var exitCode: Int32
        /// The log: both streams of all steps.
        var log: String
        var summary: String
        var duration: Duration

        /// The lines of the log that are annotations of a level.
        func annotations(_ level: String) -> [String] {
            log.split(separator: "\n").map(String.init).filter { $0.hasPrefix("::\(level)") }
        }
    }

    struct UnknownExpression: Error {
        var text: String
    }

    var workflow: Workflow
    var repository: ConfigRepository
    /// The repository's name on GitHub.
    var name = "o/r"
    var event = "push"
    /// The commit before the push.
    var before = ""
    /// The commit after it; the repository's head where nil.
    var commit: String?
    var modelPath = ""
    var configURL: String?
    var gatewayURL: String?
    var adminToken: String?
    var readToken: String?
    var variables: [String: String] = [:]
    /// Set in place of what the steps set: shorter times.
    var overrides: [String: String] = [
        "READINESS_TIMEOUT_SECONDS": "20", "READINESS_POLL_INTERVAL_SECONDS": "1", "POST_BACKOFF_SECONDS": "1",
    ]

    init(_ workflow: Workflow, in repository: ConfigRepository) {
        self.workflow = workflow
        self.repository = repository
    }

    /// Runs all steps up to the first that fails.
    func run() async throws -> Result {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "runner-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        for file in ["output", "summary", "env", "path"] { try Data().write(to: scratch.appending(path: file)) }
        let commit = if let commit { commit } else { try await repository.head() }
        let start = ContinuousClock.now
        var result = Result(exitCode: 0, log: "", summary: "", duration: .zero)
        for (index, step) in try workflow.steps().enumerated() {
            let outputs = try String(contentsOf: scratch.appending(path: "output"), encoding: .utf8)
            guard try isDue(step, outputs: outputs) else { continue }
            let script = scratch.appending(path: "step-\(index).sh")
            try Data(step.script.utf8).write(to: script)
            let python = URL(filePath: try Tools.SDK.current.python()).deletingLastPathComponent().path
            var environment: [String: String?] = [
                "PATH": "\(Tools.products.path):\(python):/usr/local/bin:/usr/bin:/bin",
                "HOME": scratch.path, "RUNNER_TEMP": scratch.path, "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": event, "GITHUB_SHA": commit, "GITHUB_REPOSITORY": name,
                "GITHUB_OUTPUT": scratch.appending(path: "output").path,
                "GITHUB_STEP_SUMMARY": scratch.appending(path: "summary").path,
                "GITHUB_ENV": scratch.appending(path: "env").path, "GITHUB_PATH": scratch.appending(path: "path").path,
            ]
            for (variable, value) in step.environment { environment[variable] = try resolved(value) }
            for (variable, value) in overrides { environment[variable] = value }
            let process = try ProgramProcess(
                "/bin/bash",
                arguments: [
                    "-c", "cd \"$1\" && exec bash --noprofile --norc -e -o pipefail \"$2\" 2>&1", "runner",
                    repository.path, script.path,
                ], environment: environment)
            result.exitCode = try await process.exitCode(within: .seconds(120))
            result.log += process.standardOutput + process.standardError
            if result.exitCode != 0 { break }
        }
        result.duration = .now - start
        result.summary = try String(contentsOf: scratch.appending(path: "summary"), encoding: .utf8)
        return result
    }

    /// Understands `steps.ID.outputs.NAME != 'VALUE'`, the one kind of condition that the workflows have.
    private func isDue(_ step: Workflow.Step, outputs: String) throws -> Bool {
        guard let condition = step.condition else { return true }
        guard let match = condition.wholeMatch(of: /steps\.\w+\.outputs\.(\w+) != '(.*)'/) else {
            throw UnknownExpression(text: condition)
        }
        let value = outputs.split(separator: "\n").last { $0.hasPrefix("\(match.1)=") }?.dropFirst(match.1.count + 1)
        return value ?? "" != match.2
    }

    private func resolved(_ value: String) throws -> String {
        guard let match = value.wholeMatch(of: /\$\{\{ (\S+) \}\}/) else {
            guard !value.contains("${{") else { throw UnknownExpression(text: value) }
            return value
        }
        switch match.1 {
        case "github.event.before": return before
        case "inputs.model_path": return modelPath
        case "vars.SIE_CONFIG_URL": return configURL ?? ""
        case "vars.SIE_GATEWAY_URL": return gatewayURL ?? ""
        case "secrets.SIE_ADMIN_TOKEN": return adminToken ?? ""
        case "secrets.SIE_AUTH_TOKEN": return readToken ?? ""
        case let name where name.hasPrefix("vars."): return variables[String(name.dropFirst(5))] ?? ""
        case let name: throw UnknownExpression(text: String(name))
        }
    }
}
