import Foundation
import TestSupport
import Testing
import YAML

/// A workflow of `examples/gitops`, read as GitHub reads it.
enum Workflow: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// Runs `sie push`.
    case program = "push-model-configs.yml"
    /// Does the same in bash.
    case shell = "push-model-configs-shell.yml"

    /// A step with a script.
    struct Step: Sendable {
        var name: String
        var id: String?
        var condition: String?
        /// Variable to value, in which `${{ }}` still stands.
        var environment: [String: String]
        var script: String
    }

    var testDescription: String { rawValue }

    var url: URL {
        Fixtures.repository.appending(path: "examples/gitops/.github/workflows/\(rawValue)")
    }

    func document() throws -> YAMLNode { try YAMLNode(parsing: try String(contentsOf: url, encoding: .utf8)) }

    /// All steps of the job, those that use an action included.
    func allSteps() throws -> [YAMLNode] {
        try document()["jobs"]?["push-configs"]?["steps"]?.sequence ?? []
    }

    /// The steps that run a script.
    func steps() throws -> [Step] {
        try allSteps().compactMap { step in
            guard let script = step["run"]?.string else { return nil }
            var environment: [String: String] = [:]
            for entry in step["env"]?.mapping?.entries ?? [] {
                environment[entry.key.string ?? ""] = entry.value.string ?? ""
            }
            return Step(
                name: step["name"]?.string ?? "", id: step["id"]?.string, condition: step["if"]?.string,
                environment: environment, script: script)
        }
    }
}
