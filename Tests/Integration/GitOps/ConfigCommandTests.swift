import Foundation
import TestSupport
import Testing

/// `sie config` as people call it, against a real config service.
@Suite struct ConfigCommandTests {
    private let stack: PushStack
    private let repository: ConfigRepository

    init() async throws {
        stack = try await PushStack.shared.value
        repository = try await ConfigRepository()
    }

    private func sie(_ arguments: String..., environment: [String: String?] = [:]) async throws -> ProgramProcess {
        let process = try ProgramProcess(
            try Tools.product("sie"), arguments: arguments,
            environment: [
                "SIE_CONFIG_URL": stack.configURL, "SIE_AUTH_TOKEN": PushStack.readToken, "GITHUB_ACTIONS": nil,
            ].merging(environment) { $1 })
        _ = try await process.exitCode(within: .seconds(60))
        return process
    }

    @Test("the example's models and the product's own are valid, by its own bundles")
    func shipped() async throws {
        let root = Fixtures.repository.path
        let process = try await sie(
            "config", "validate", "--strict", "\(root)/examples/gitops/configs/models", "\(root)/catalog/models",
            "--bundles", "\(root)/catalog/bundles")
        #expect(try await process.exitCode() == 0, "\(process.standardError)")
    }

    @Test("a wrong file gives exit code 1 and its place, a missing one 2")
    func wrong() async throws {
        repository.write("sie_id: acme/x\nprofiles: 7\n", to: "configs/models/acme__x.yaml")
        let path = "\(repository.path)/configs/models"
        let wrong = try await sie("config", "validate", path)
        #expect(try await wrong.exitCode() == 1)
        #expect(
            wrong.standardError.contains("\(path)/acme__x.yaml:2:1: error: validation_error"), "\(wrong.standardError)")
        let missing = try await sie("config", "validate", "\(path)/none.yaml")
        #expect(try await missing.exitCode() == 2)
    }

    @Test("diff tells additions, no change and conflicts by lines and exit codes, before and after a push")
    func diff() async throws {
        var model = SampleModel("acme/diff")
        repository.write(model.yaml, to: model.file)
        let path = "\(repository.path)/\(model.file)"
        let before = try await sie("config", "diff", path)
        #expect(try await before.exitCode() == 1, "\(before.standardError)")
        #expect(before.standardOutput.contains("+ profile default, served by default"))

        var job = stack.job(.program, in: repository, before: try await repository.head())
        try await repository.commit()
        job.commit = try await repository.head()
        #expect(try await job.run().exitCode == 0)

        let same = try await sie("config", "diff", path)
        #expect(try await same.exitCode() == 0, "\(same.standardOutput)")
        model.maxBatchTokens = 3
        repository.write(model.yaml, to: model.file)
        let conflict = try await sie("config", "diff", path)
        #expect(try await conflict.exitCode() == 2)
        #expect(conflict.standardOutput.contains("! profile default.max_batch_tokens: stored 8192, in the file 3"))
    }

    @Test("diff without a service, or with a wrong token, gives exit code 3")
    func unreachable() async throws {
        let model = SampleModel("acme/unreachable")
        repository.write(model.yaml, to: model.file)
        let path = "\(repository.path)/\(model.file)"
        let closed = try await sie(
            "config", "diff", path,
            environment: ["SIE_CONFIG_URL": "http://127.0.0.1:\(try NATSServerProcess.freePort())"])
        #expect(try await closed.exitCode() == 3)
        let refused = try await sie("config", "diff", path, environment: ["SIE_AUTH_TOKEN": "wrong"])
        #expect(try await refused.exitCode() == 3)
        #expect(!refused.standardError.contains("wrong"))
    }
}
