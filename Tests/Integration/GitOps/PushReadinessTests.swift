import Foundation
import Synchronization
import TestSupport
import Testing

/// How long a workflow waits for the gateway, and for what: against services that say what a test wants.
@Suite struct PushReadinessTests {
    private let repository: ConfigRepository
    private let before: String
    private let config: ScriptedService
    private static let statusPath = "/v1/configs/models/acme/m/v2/status"

    init() async throws {
        repository = try await ConfigRepository()
        before = try await repository.head()
        repository.write("sie_id: acme/m/v2\n", to: "configs/models/acme__m__v2.yaml")
        try await repository.commit()
        config = try await ScriptedService { request, _ in
            request.method == "POST" ? .answer(201, "{}") : .answer(200, #"{"epoch": 5}"#)
        }
    }

    private func run(
        _ workflow: Workflow, _ gateway: ScriptedService, timeout: Int = 3,
        _ change: (inout WorkflowJob) -> Void = { _ in }
    ) async throws -> WorkflowJob.Result {
        var job = WorkflowJob(workflow, in: repository)
        job.before = before
        job.configURL = config.url
        job.gatewayURL = gateway.url
        job.adminToken = "admin"
        job.readToken = "reader"
        job.overrides["READINESS_TIMEOUT_SECONDS"] = "\(timeout)"
        change(&job)
        return try await job.run()
    }

    private static func status(acked: String = "false", noBundles: String = "false", epoch: Int = 5) -> String {
        """
        {"model_id":"acme/m/v2","config_epoch":\(epoch),"all_bundles_acked":\(acked),"no_bundles":\(noBundles),
         "bundles":[{"bundle_id":"default","total_eligible_workers":2,"acked_workers":["w1"],"pending_workers":["w2"],
         "acked":false}]}
        """
    }

    @Test("P24 a gateway that does not know the model yet is asked again", arguments: Workflow.allCases)
    func late(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, number in
            number == 0 ? .answer(404, "{}") : .answer(200, Self.status(acked: "true"))
        }
        let result = try await run(workflow, gateway)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(gateway.requests.map(\.path) == [Self.statusPath, Self.statusPath])
        #expect(gateway.requests.allSatisfy { $0.headers["authorization"] == "Bearer reader" })
    }

    @Test(
        "P25 a model that no bundle serves fails at once when the gateway has reached the write's epoch",
        arguments: Workflow.allCases)
    func noBundles(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, _ in .answer(200, Self.status(noBundles: "true")) }
        let result = try await run(workflow, gateway, timeout: 60)
        #expect(result.exitCode == 1)
        #expect(gateway.requests.count == 1)
        #expect(result.annotations("error").first?.contains("no bundle can serve") == true, "\(result.log)")
    }

    @Test("P25 and after three looks while the gateway is behind", arguments: Workflow.allCases)
    func noBundlesBehind(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, _ in .answer(200, Self.status(noBundles: "true", epoch: 4)) }
        let result = try await run(workflow, gateway, timeout: 60)
        #expect(result.exitCode == 1)
        #expect(gateway.requests.count == 3)
        #expect(result.duration < .seconds(45))
    }

    @Test(
        "P26 a model that is never acknowledged fails within the timeout and one interval; a text is not true",
        arguments: Workflow.allCases, ["false", "\"true\"", "1", "null"])
    func neverAcknowledged(_ workflow: Workflow, flag: String) async throws {
        let gateway = try await ScriptedService { _, _ in .answer(200, Self.status(acked: flag)) }
        let result = try await run(workflow, gateway, timeout: 2)
        #expect(result.exitCode == 1)
        #expect(result.duration < .seconds(30))
        let error = try #require(result.annotations("error").first)
        #expect(error.contains("acme/m/v2") && error.contains("2 s") && error.contains("default 1/2"), "\(error)")
    }

    @Test("answers that may pass are waited out: 500, 429, no JSON", arguments: Workflow.allCases)
    func passing(_ workflow: Workflow) async throws {
        let passing: [ScriptedService.Reply] = [.answer(500, ""), .answer(429, ""), .answer(200, "<html>")]
        let gateway = try await ScriptedService { _, number in
            number < passing.count ? passing[number] : .answer(200, Self.status(acked: "true"))
        }
        let result = try await run(workflow, gateway, timeout: 20)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(gateway.requests.count == 4)
    }

    @Test(
        "P27 a gateway that takes the connection and never answers is waited for no longer than the timeout",
        arguments: Workflow.allCases)
    func hung(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, _ in .nothing }
        let result = try await run(workflow, gateway, timeout: 2)
        #expect(result.exitCode == 1)
        #expect(result.duration < .seconds(30))
    }

    @Test("P28 a refused token ends the wait at once", arguments: Workflow.allCases, [401, 403])
    func refused(_ workflow: Workflow, status: Int) async throws {
        let gateway = try await ScriptedService { _, _ in .answer(status, "{}") }
        let result = try await run(workflow, gateway, timeout: 60)
        #expect(result.exitCode == 1)
        #expect(gateway.requests.count == 1)
        #expect(result.annotations("error").first?.contains("SIE_AUTH_TOKEN") == true, "\(result.log)")
    }

    @Test(
        "a cluster at zero workers is ready when it can route, where the policy says so", arguments: Workflow.allCases)
    func routable(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, _ in .answer(200, Self.status()) }
        let result = try await run(workflow, gateway) { $0.variables["READINESS_POLICY"] = "routable" }
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(gateway.requests.count == 1)
    }

    @Test(
        "a gateway behind the write's epoch is a warning, or is waited for where that is asked",
        arguments: Workflow.allCases)
    func epoch(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, number in
            .answer(200, Self.status(acked: "true", epoch: number < 2 ? 4 : 5))
        }
        let warned = try await run(workflow, gateway)
        #expect(warned.exitCode == 0, "\(warned.log)")
        #expect(warned.annotations("warning").count == 1)
        let waited = try await run(workflow, gateway) { $0.variables["REQUIRE_EPOCH_MATCH"] = "true" }
        #expect(waited.exitCode == 0, "\(waited.log)")
        #expect(waited.annotations("warning").isEmpty)
        #expect(gateway.requests.count == 3)
    }

    @Test("several looks in a row are needed where that is asked", arguments: Workflow.allCases)
    func consecutive(_ workflow: Workflow) async throws {
        let gateway = try await ScriptedService { _, number in
            .answer(200, Self.status(acked: number == 1 ? "false" : "true"))
        }
        let result = try await run(workflow, gateway, timeout: 20) { $0.overrides["READINESS_CONSECUTIVE"] = "2" }
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(gateway.requests.count == 4)
    }

    @Test("models are waited for side by side: none waits for the end of another", arguments: Workflow.allCases)
    func sideBySide(_ workflow: Workflow) async throws {
        for name in ["x", "y"] { repository.write("sie_id: \(name)\n", to: "configs/models/\(name).yaml") }
        try await repository.commit()
        // The first model is ready once the last has been asked for.
        let asked = Flag()
        let gateway = try await ScriptedService { request, _ in
            if request.path.contains("/y/") { asked.raise() }
            return asked.isRaised ? .answer(200, Self.status(acked: "true")) : .answer(404, "{}")
        }
        let result = try await run(workflow, gateway, timeout: 60)
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("error").isEmpty)
    }

    private final class Flag: Sendable {
        private let value = Mutex(false)
        var isRaised: Bool { value.withLock { $0 } }
        func raise() { value.withLock { $0 = true } }
    }
}
