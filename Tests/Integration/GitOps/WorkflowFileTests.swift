import Foundation
import TestSupport
import Testing
import YAML

/// What can be seen of the workflows without running them.
@Suite struct WorkflowFileTests {
    @Test("actionlint and shellcheck have nothing to say", arguments: Workflow.allCases)
    func lint(_ workflow: Workflow) async throws {
        let bin = URL(filePath: try Tools.SDK.current.python()).deletingLastPathComponent()
        let actionlint = bin.appending(path: "actionlint").path
        guard FileManager.default.isExecutableFile(atPath: actionlint) else {
            print("SKIPPED: no actionlint in .tools/python; run scripts/test-tools")
            return
        }
        let process = try ProgramProcess(
            actionlint,
            arguments: [
                "-no-color", "-pyflakes=", "-shellcheck=\(bin.appending(path: "shellcheck").path)", workflow.url.path,
            ])
        let exitCode = try await process.exitCode()
        #expect(exitCode == 0, "\(process.standardOutput)\(process.standardError)")
    }

    @Test("the workflow may read the repository and nothing else, and ends in time", arguments: Workflow.allCases)
    func permissions(_ workflow: Workflow) throws {
        let document = try workflow.document()
        #expect(document["permissions"] == .mapping(["contents": .string("read")]))
        #expect(document["jobs"]?["push-configs"]?["timeout-minutes"]?.integer == 15)
        #expect(document["jobs"]?["push-configs"]?["permissions"] == nil)
        #expect(document["concurrency"] == nil)
    }

    @Test(
        "it runs for pushes of model files to main and by hand, never for pull requests", arguments: Workflow.allCases)
    func triggers(_ workflow: Workflow) throws {
        // YAML 1.1 reads the key `on` as true.
        let triggers = try #require(
            try workflow.document().mapping?.entries.first { $0.key.bool == true || $0.key.string == "on" }?.value)
        #expect(triggers.mapping?.entries.compactMap(\.key.string) == ["push", "workflow_dispatch"])
        #expect(triggers["push"]?["branches"] == .sequence([.string("main")]))
        #expect(triggers["push"]?["paths"] == .sequence([.string("configs/models/**.yaml")]))
        #expect(triggers["workflow_dispatch"]?["inputs"]?["model_path"]?["required"]?.bool == false)
    }

    @Test("no expression stands in a script, and every action is pinned to a commit", arguments: Workflow.allCases)
    func pins(_ workflow: Workflow) throws {
        for step in try workflow.steps() { #expect(!step.script.contains("${{"), "\(step.name)") }
        let actions = try workflow.allSteps().compactMap { $0["uses"]?.string }
        #expect(!actions.isEmpty)
        for action in actions { #expect(action.wholeMatch(of: /[\w\/.-]+@[0-9a-f]{40}/) != nil, "\(action)") }
        let checkout = try #require(try workflow.allSteps().first?["with"])
        #expect(checkout["fetch-depth"]?.integer == 0)
        #expect(checkout["persist-credentials"]?.bool == false)
    }
}
