import Foundation
import TestSupport
import Testing

/// The workflows against the real services: config service, worker and gateway with tokens.
@Suite struct PushStackTests {
    private let stack: PushStack
    private let repository: ConfigRepository
    private let before: String

    init() async throws {
        stack = try await PushStack.shared.value
        repository = try await ConfigRepository()
        before = try await repository.head()
    }

    private func push(
        _ workflow: Workflow, _ models: SampleModel..., change: (inout WorkflowJob) -> Void = { _ in }
    ) async throws -> WorkflowJob.Result {
        for model in models { repository.write(model.yaml, to: model.file) }
        try await repository.commit()
        return try await run(workflow, change: change)
    }

    private func run(
        _ workflow: Workflow, change: (inout WorkflowJob) -> Void = { _ in }
    ) async throws -> WorkflowJob.Result {
        var job = stack.job(workflow, in: repository, before: before)
        change(&job)
        return try await job.run()
    }

    @Test(
        "P01 a file that fails keeps the next from nothing: both are sent, the job fails", arguments: Workflow.allCases)
    func oneFails(_ workflow: Workflow) async throws {
        var first = SampleModel("a/first")
        #expect(try await push(workflow, first).exitCode == 0)
        first.maxBatchTokens = 1
        let second = SampleModel("b/second")
        let result = try await push(workflow, first, second)
        #expect(result.exitCode == 1, "\(result.log)")
        let errors = result.annotations("error")
        #expect(errors.count == 1)
        #expect(errors.first?.hasPrefix("::error file=\(first.file)::content_conflict") == true, "\(errors)")
        #expect(errors.first?.contains("default") == true)
        #expect(try await stack.storedModel(second.id) != nil)
        #expect(result.summary.contains("| 409 |") && result.summary.contains("| 201 |"), "\(result.summary)")
    }

    @Test("P02 a new model is stored and served", arguments: Workflow.allCases)
    func created(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/new")
        let result = try await push(workflow, model)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.summary.contains("created, ready"), "\(result.summary)")
        #expect(try await stack.storedModel(model.id)?.contains(model.id) == true)
        #expect(
            try await stack.gatewayStatus("/v1/configs/models/\(model.id)/status", token: PushStack.readToken) == 200)
    }

    @Test("P03 P30 the same commit again changes nothing", arguments: Workflow.allCases)
    func again(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/again")
        #expect(try await push(workflow, model).exitCode == 0)
        let epoch = try await stack.epoch()
        let result = try await run(workflow)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(try await stack.epoch() == epoch)
    }

    @Test("P03 the same content in a later commit is an unchanged model", arguments: Workflow.allCases)
    func replay(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/replay")
        #expect(try await push(workflow, model).exitCode == 0)
        repository.write("x\n", to: "docs/later.md")
        let result = try await push(workflow)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.summary.contains("| 200 |"), "\(result.summary)")
        #expect(result.annotations("notice").contains { $0.contains(model.file) }, "\(result.log)")
    }

    @Test("P31 the same key with another body is refused", arguments: Workflow.allCases)
    func mismatch(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/mismatch")
        #expect(try await push(workflow, model).exitCode == 0)
        repository.write(model.yaml + "# changed after the commit\n", to: model.file)
        let result = try await run(workflow)
        #expect(result.exitCode == 1, "\(result.log)")
        #expect(
            result.annotations("error").first?.hasPrefix("::error file=\(model.file)::idempotency_mismatch") == true,
            "\(result.log)")
    }

    @Test("P32 two runs for one commit at the same time write once", arguments: Workflow.allCases)
    func parallelRuns(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/parallel")
        repository.write(model.yaml, to: model.file)
        try await repository.commit()
        let epoch = try await stack.epoch()
        async let first = run(workflow)
        async let second = run(workflow)
        let results = try await [first, second]
        #expect(results.map(\.exitCode) == [0, 0], "\(results.map(\.log))")
        #expect(try await stack.epoch() == epoch + 1)
    }

    @Test(
        "P33 a config service that was started again answers as before, and knows the content under a new key",
        arguments: Workflow.allCases)
    func restart(_ workflow: Workflow) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "restart-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let environment = try PushStack.seeds(folder).merging(["SIE_ADMIN_TOKEN": PushStack.adminToken]) { $1 }
        let model = SampleModel("acme/restart")
        repository.write(model.yaml, to: model.file)
        try await repository.commit()
        for expected in ["| 201 |", "| 201 |", "| 200 |"] {
            if expected == "| 200 |" {
                repository.write("x\n", to: "docs/later.md")
                try await repository.commit()
            }
            let config = try await PushStack.configService(environment, store: folder.appending(path: "store"))
            let result = try await run(workflow) {
                $0.configURL = "http://127.0.0.1:\(config.port)"
                $0.gatewayURL = nil
            }
            #expect(result.exitCode == 0, "\(result.log)")
            #expect(result.summary.contains(expected), "\(result.summary)")
        }
    }

    @Test("P34 a file of 1 MiB is taken, one byte more is refused", arguments: Workflow.allCases)
    func size(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/size")
        let padding = (1 << 20) - model.yaml.utf8.count
        for (extra, expected) in [(0, "| 201 |"), (1, "| 413 |")] {
            repository.write(model.yaml + String(repeating: "#", count: padding + extra), to: model.file)
            try await repository.commit()
            let result = try await run(workflow)
            #expect(result.exitCode == Int32(extra), "\(result.log)")
            #expect(result.summary.contains(expected), "\(result.summary)")
        }
    }

    @Test("P36 a file with CRLF and byte order mark is stored", arguments: Workflow.allCases)
    func lineEnds(_ workflow: Workflow) async throws {
        let model = SampleModel("acme/crlf")
        repository.write("\u{FEFF}" + model.yaml.replacing("\n", with: "\r\n"), to: model.file)
        let result = try await push(workflow)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(try await stack.storedModel(model.id) != nil)
    }

    @Test("P37 a token of any characters is sent as it is and stands nowhere in the log", arguments: Workflow.allCases)
    func token(_ workflow: Workflow) async throws {
        let result = try await push(workflow, SampleModel("acme/token"))
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(!result.log.contains(PushStack.adminToken) && !result.summary.contains(PushStack.adminToken))
        #expect(!result.log.contains(PushStack.readToken))
    }

    @Test("P39 slashes at the end of the URLs do not matter", arguments: Workflow.allCases)
    func slashes(_ workflow: Workflow) async throws {
        let result = try await push(workflow, SampleModel("acme/slashes")) {
            $0.configURL? += "///"
            $0.gatewayURL? += "/"
        }
        #expect(result.exitCode == 0, "\(result.log)")
    }

    @Test("P40 an id with several slashes is found", arguments: Workflow.allCases)
    func slashesInID(_ workflow: Workflow) async throws {
        let result = try await push(workflow, SampleModel("acme/team/a.b/c-d_e"))
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("warning").isEmpty, "\(result.log)")
    }

    @Test("P41 the admin token alone is enough to wait with", arguments: Workflow.allCases)
    func adminTokenOnly(_ workflow: Workflow) async throws {
        let result = try await push(workflow, SampleModel("acme/admin")) { $0.readToken = nil }
        #expect(result.exitCode == 0, "\(result.log)")
    }

    @Test("P41 the gateway's status takes the admin token and the read token, and nobody without")
    func statusTokens() async throws {
        let model = SampleModel("acme/tokens")
        #expect(try await push(.program, model).exitCode == 0)
        let path = "/v1/configs/models/\(model.id)/status"
        #expect(try await stack.gatewayStatus(path, token: PushStack.adminToken) == 200)
        #expect(try await stack.gatewayStatus(path, token: PushStack.readToken) == 200)
        #expect(try await stack.gatewayStatus(path, token: nil) == 401)
        #expect(try await stack.gatewayStatus(path, token: "another") == 401)
        #expect(
            try await stack.gatewayStatus(
                path.replacing("/", with: "%2F").replacing("%2Fv1%2Fconfigs%2Fmodels%2F", with: "/v1/configs/models/")
                    .replacing("%2Fstatus", with: "/status"), token: PushStack.readToken) == 200)
    }

    @Test(
        "pointing at the gateway, using the read token for writes, and an adapter of no bundle fail as documented",
        arguments: Workflow.allCases)
    func wrongTargets(_ workflow: Workflow) async throws {
        let gateway = try await push(workflow, SampleModel("acme/gateway")) { $0.configURL = stack.gatewayURL }
        #expect(gateway.exitCode == 1)
        #expect(gateway.annotations("error").first?.hasPrefix("::error::") == true, "\(gateway.log)")

        let reader = try await run(workflow) { $0.adminToken = PushStack.readToken }
        #expect(reader.exitCode == 1)
        #expect(reader.annotations("error").first?.contains("403") == true, "\(reader.log)")

        var model = SampleModel("acme/nowhere")
        model.adapterPath = "nowhere.module:Adapter"
        let nowhere = try await push(workflow, model)
        #expect(nowhere.exitCode == 1)
        #expect(
            nowhere.annotations("error").first?.contains("validation_error: ") == true
                && nowhere.annotations("error").first?.contains("nowhere.module") == true, "\(nowhere.log)")
    }
}
