import Foundation
import TestSupport
import Testing

/// Which files a push sends: the workflows' scripts in real repositories, against a service that takes everything.
@Suite struct PushSelectionTests {
    private let service: ScriptedService
    private let repository: ConfigRepository

    init() async throws {
        service = try await ScriptedService { request, _ in
            request.method == "POST" ? .answer(201, "{}") : .answer(200, #"{"epoch": 1}"#)
        }
        repository = try await ConfigRepository()
    }

    private func job(_ workflow: Workflow, before: String) -> WorkflowJob {
        var job = WorkflowJob(workflow, in: repository)
        job.before = before
        job.configURL = service.url
        job.adminToken = "secret"
        return job
    }

    /// The ids of the posted models, in the order of the posts.
    private var posted: [String] {
        service.posts.compactMap { request in
            String(decoding: request.body, as: UTF8.self).firstMatch(of: /sie_id: (\S+)/).map { String($0.1) }
        }
    }

    private func write(_ file: String, id: String, tokens: Int = 1) {
        repository.write("sie_id: \(id)\nprofiles: {default: {max_batch_tokens: \(tokens)}}\n", to: file)
    }

    @Test(
        "P13 the first commit of a branch pushes nothing, with a warning; or everything where that is asked for",
        arguments: Workflow.allCases)
    func firstCommit(_ workflow: Workflow) async throws {
        write("configs/models/a.yaml", id: "a")
        write("configs/models/sub/b.yaml", id: "b")
        try await repository.commit()
        var job = job(workflow, before: String(repeating: "0", count: 40))
        let nothing = try await job.run()
        #expect(nothing.exitCode == 0, "\(nothing.log)")
        #expect(nothing.annotations("warning").count == 1)
        #expect(service.requests.isEmpty)

        job.variables["PUSH_ALL_ON_MISSING_BASE"] = "true"
        let everything = try await job.run()
        #expect(everything.exitCode == 0, "\(everything.log)")
        #expect(posted == ["a", "b"])
    }

    @Test("P14 a force push over a commit that is gone pushes nothing, with a warning", arguments: Workflow.allCases)
    func goneBase(_ workflow: Workflow) async throws {
        write("configs/models/a.yaml", id: "a")
        try await repository.commit()
        let result = try await job(workflow, before: String(repeating: "1", count: 40)).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("warning").count == 1)
        #expect(service.requests.isEmpty)
    }

    @Test(
        "P14 a force push over a commit that the server still gives pushes the difference",
        arguments: Workflow.allCases)
    func fetchedBase(_ workflow: Workflow) async throws {
        let origin = try await ConfigRepository()
        try await origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        origin.write("sie_id: old\n", to: "configs/models/old.yaml")
        let old = try await origin.commit()
        try await origin.git("reset", "--quiet", "--hard", "HEAD^")
        try await repository.git("remote", "add", "origin", "file://\(origin.path)")
        write("configs/models/new.yaml", id: "new")
        try await repository.commit()
        let result = try await job(workflow, before: old).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["new"])
        #expect(result.annotations("warning").isEmpty, "\(result.log)")
    }

    @Test(
        "P15 a push of five commits sends each changed file once, the oldest commit's too", arguments: Workflow.allCases
    )
    func manyCommits(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        write("configs/models/oldest.yaml", id: "oldest")
        try await repository.commit()
        for tokens in 1...4 {
            write("configs/models/twice.yaml", id: "twice", tokens: tokens)
            try await repository.commit()
        }
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["oldest", "twice"])
        #expect(result.summary.contains("| configs/models/oldest.yaml | gh-o-r-"))
    }

    @Test("P16 a renamed and edited file is sent under its new name", arguments: Workflow.allCases)
    func rename(_ workflow: Workflow) async throws {
        repository.write(
            "sie_id: moved\n" + String(repeating: "# the same line\n", count: 50), to: "configs/models/from.yaml")
        let before = try await repository.commit()
        try await repository.git("mv", "configs/models/from.yaml", "configs/models/moved.yaml")
        repository.write(
            "sie_id: moved\nedited: true\n" + String(repeating: "# the same line\n", count: 50),
            to: "configs/models/moved.yaml")
        try await repository.commit()
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["moved"])
    }

    @Test(
        "P17 names with blanks, quotes, line breaks, letters beyond ASCII and a dash in front come through",
        arguments: Workflow.allCases)
    func strangeNames(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        let names = ["-dash", "with space", "quote'\"", "ünïcode-模型", "line\nbreak", "::error::x", "50%,a:b"]
        for (index, name) in names.enumerated() { write("configs/models/\(name).yaml", id: "m\(index)") }
        try await repository.commit()
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(Set(posted) == Set(names.indices.map { "m\($0)" }))
        #expect(service.posts.count == names.count)
        // Every name breaks the rule for names, and no name becomes a command of its own.
        #expect(result.annotations("warning").count == names.count, "\(result.log)")
        #expect(
            result.annotations("warning").contains {
                $0.hasPrefix("::warning file=configs/models/50%25%2Ca%3Ab.yaml::")
            })
        #expect(result.annotations("error").isEmpty, "\(result.log)")
        let keys = Set(service.posts.compactMap { $0.headers["idempotency-key"] })
        #expect(keys.count == names.count)
    }

    @Test("P18 nested folders are models, .yml files and other folders are not", arguments: Workflow.allCases)
    func folders(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        for file in ["configs/models/deep/er/in.yaml", "configs/models/no.yml", "configs/other/no.yaml", "no.yaml"] {
            write(file, id: file.contains("in.yaml") ? "in" : "out")
        }
        try await repository.commit()
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["in"])
    }

    @Test("P19 a deletion sends nothing and says that the model stays", arguments: Workflow.allCases)
    func deletion(_ workflow: Workflow) async throws {
        write("configs/models/gone.yaml", id: "gone")
        let before = try await repository.commit()
        try await repository.git("rm", "--quiet", "configs/models/gone.yaml")
        try await repository.commit()
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(
            result.annotations("notice").contains {
                $0.contains("configs/models/gone.yaml") && $0.contains("append-only")
            })
        #expect(service.requests.isEmpty)
    }

    @Test(
        "a file that was added and removed within a push is not sent, and a merge sends what it brought",
        arguments: Workflow.allCases)
    func comeAndGone(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        write("configs/models/brief.yaml", id: "brief")
        try await repository.commit()
        try await repository.git("rm", "--quiet", "configs/models/brief.yaml")
        try await repository.commit()
        try await repository.git("checkout", "--quiet", "-b", "side", before)
        write("configs/models/side.yaml", id: "side")
        try await repository.commit()
        try await repository.git("checkout", "--quiet", "main")
        try await repository.git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["side"])
    }

    @Test("P20 a file named by hand is sent", arguments: Workflow.allCases)
    func named(_ workflow: Workflow) async throws {
        write("configs/models/a.yaml", id: "a")
        try await repository.commit()
        var job = job(workflow, before: "")
        job.event = "workflow_dispatch"
        job.modelPath = "configs/models/a.yaml"
        let result = try await job.run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(posted == ["a"])
    }

    @Test(
        "P20 a wrong name by hand fails and sends nothing: a typing error, a place outside, '..', a link, a folder",
        arguments: Workflow.allCases,
        [
            "configs/models/typo.yaml", "README.yaml", "configs/models/a.yml", "configs/models/../secret.yaml",
            "/etc/passwd", "configs/models/link.yaml", "configs/models/folder.yaml", "configs/models//a.yaml",
            "configs/models/.yaml",
        ])
    func wrongName(_ workflow: Workflow, path: String) async throws {
        write("configs/models/a.yaml", id: "a")
        write("configs/secret.yaml", id: "secret")
        write("configs/models/folder.yaml/x", id: "x")
        try FileManager.default.createSymbolicLink(
            atPath: "\(repository.path)/configs/models/link.yaml", withDestinationPath: "../secret.yaml")
        try await repository.commit()
        var job = job(workflow, before: "")
        job.event = "workflow_dispatch"
        job.modelPath = path
        let result = try await job.run()
        #expect(result.exitCode == 1, "\(result.log)")
        #expect(result.annotations("error").count == 1, "\(result.log)")
        #expect(service.requests.isEmpty)
    }

    @Test("P20 no name by hand is nothing to do", arguments: Workflow.allCases)
    func noName(_ workflow: Workflow) async throws {
        var job = job(workflow, before: "")
        job.event = "workflow_dispatch"
        let result = try await job.run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("notice").count == 1)
    }

    @Test("P21 an empty list succeeds with nothing configured at all", arguments: Workflow.allCases)
    func emptyList(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        repository.write("x\n", to: "docs/x.md")
        try await repository.commit()
        var job = WorkflowJob(workflow, in: repository)
        job.before = before
        let result = try await job.run()
        #expect(result.exitCode == 0, "\(result.log)")
    }

    @Test("P22 a missing URL or token fails before any request", arguments: Workflow.allCases, [true, false])
    func missingSetting(_ workflow: Workflow, hasURL: Bool) async throws {
        let before = try await repository.head()
        write("configs/models/a.yaml", id: "a")
        try await repository.commit()
        var job = job(workflow, before: before)
        if hasURL { job.adminToken = nil } else { job.configURL = nil }
        let result = try await job.run()
        #expect(result.exitCode == 1, "\(result.log)")
        #expect(result.annotations("error").first?.contains(hasURL ? "SIE_ADMIN_TOKEN" : "SIE_CONFIG_URL") == true)
        #expect(service.requests.isEmpty)
    }

    @Test(
        "a number that is no positive integer fails before any request", arguments: Workflow.allCases,
        ["0", "-1", "1.5", "soon", "010"])
    func badNumber(_ workflow: Workflow, number: String) async throws {
        // Swift reads 010 as ten; both refuse what is ambiguous only where it is.
        guard number != "010" || workflow == .shell else { return }
        let before = try await repository.head()
        write("configs/models/a.yaml", id: "a")
        try await repository.commit()
        var job = job(workflow, before: before)
        job.overrides["READINESS_TIMEOUT_SECONDS"] = number
        let result = try await job.run()
        #expect(result.exitCode == 1, "\(result.log)")
        #expect(result.annotations("error").first?.contains("READINESS_TIMEOUT_SECONDS") == true)
        #expect(service.requests.isEmpty)
    }

    @Test("P23 without a gateway readiness is not waited for, with a notice", arguments: Workflow.allCases)
    func noGateway(_ workflow: Workflow) async throws {
        let before = try await repository.head()
        write("configs/models/a.yaml", id: "a")
        try await repository.commit()
        let result = try await job(workflow, before: before).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("notice").contains { $0.contains("SIE_GATEWAY_URL") })
    }
}
