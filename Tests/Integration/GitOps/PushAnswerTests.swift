import Foundation
import TestSupport
import Testing

/// What a workflow makes of each answer of the config service: against a service that gives it.
@Suite struct PushAnswerTests {
    private let repository: ConfigRepository
    private let before: String
    private static let file = "configs/models/acme__m.yaml"

    init() async throws {
        repository = try await ConfigRepository()
        before = try await repository.head()
        repository.write("sie_id: acme/m\n", to: Self.file)
        try await repository.commit()
    }

    private func job(_ workflow: Workflow, _ service: ScriptedService) -> WorkflowJob {
        var job = WorkflowJob(workflow, in: repository)
        job.before = before
        job.configURL = service.url
        job.adminToken = "secret-token"
        return job
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var number: String
        var status: Int
        var body: String
        /// How the annotation of the failure begins; nil where the file is accepted.
        var annotation: String?
        var contains: String = ""
        var posts = 1
        var testDescription: String { "\(number) \(status) \(contains)" }
    }

    private static let inFile = "::error file=configs/models/acme__m.yaml::"

    static let rows: [Row] = [
        Row(
            number: "P04", status: 400, body: #"{"detail":{"error":"parse_error","message":"bad"}}"#,
            annotation: inFile, contains: "parse_error"),
        Row(
            number: "P04", status: 400, body: #"{"detail":{"error":"invalid_model_id","message":"bad"}}"#,
            annotation: inFile, contains: "invalid_model_id"),
        Row(
            number: "P05", status: 401, body: #"{"detail":"Missing Authorization header"}"#,
            annotation: "::error::", contains: "SIE_ADMIN_TOKEN"),
        Row(
            number: "P05", status: 403, body: #"{"detail":"Admin token required"}"#,
            annotation: "::error::", contains: "SIE_ADMIN_TOKEN"),
        Row(
            number: "P06", status: 405, body: #"{"message":"Method not allowed"}"#,
            annotation: "::error::", contains: "gateway"),
        Row(
            number: "P07", status: 409,
            body: #"{"detail":{"error":"content_conflict","conflicting_profiles":["default","fast"],"message":"m"}}"#,
            annotation: inFile, contains: "default, fast"),
        Row(
            number: "P07", status: 409,
            body: #"{"detail":{"error":"content_conflict","conflicting_fields":["hf_id"],"message":"m"}}"#,
            annotation: inFile, contains: "hf_id"),
        Row(
            number: "P08", status: 413, body: #"{"detail":{"error":"payload_too_large","message":"m"}}"#,
            annotation: inFile, contains: "15 bytes"),
        Row(
            number: "P09", status: 422,
            body: #"{"detail":{"error":"validation_error","details":[{"message":"one"},{"message":"two"}]}}"#,
            annotation: inFile, contains: "one; two"),
        Row(
            number: "P09", status: 422, body: #"{"detail":{"error":"idempotency_mismatch","message":"m"}}"#,
            annotation: inFile, contains: "new commit"),
        Row(
            number: "P10", status: 503, body: #"{"detail":{"error":"registry_unavailable","message":"m"}}"#,
            annotation: inFile, contains: "/readyz"),
        Row(
            number: "P10", status: 503, body: #"{"detail":{"error":"nats_unavailable","message":"m"}}"#,
            annotation: inFile, contains: "nothing was written", posts: 3),
        Row(
            number: "P11", status: 429, body: "slow down", annotation: inFile, contains: "unexpected status 429",
            posts: 3),
        Row(
            number: "P11", status: 502, body: "<html>", annotation: inFile, contains: "unexpected status 502", posts: 3),
        Row(number: "P11", status: 504, body: "", annotation: inFile, contains: "unexpected status 504", posts: 3),
        Row(number: "P11", status: 503, body: "", annotation: inFile, contains: "unexpected status 503", posts: 3),
        Row(number: "P12", status: 302, body: "", annotation: inFile, contains: "unexpected status 302"),
        Row(number: "P12", status: 500, body: "oops", annotation: inFile, contains: "unexpected status 500"),
        Row(number: "P12", status: 418, body: "{}", annotation: inFile, contains: "unexpected status 418"),
        Row(number: "P03", status: 200, body: #"{"model_id":"acme/m","warnings":[]}"#, contains: "200"),
        Row(number: "P02", status: 201, body: #"{"model_id":"acme/m","warnings":[]}"#, contains: "201"),
    ]

    @Test(
        "P02-P12 every answer has its annotation, its number of attempts and its end",
        arguments: Workflow.allCases, rows)
    func answer(_ workflow: Workflow, _ row: Row) async throws {
        let service = try await ScriptedService { _, _ in
            .answer(row.status, row.body, headers: row.status == 302 ? ["location": "http://127.0.0.1:9/"] : [:])
        }
        var job = job(workflow, service)
        job.overrides["POST_BACKOFF_SECONDS"] = "1"
        let result = try await job.run()
        #expect(result.exitCode == (row.annotation == nil ? 0 : 1), "\(result.log)")
        #expect(service.posts.count == row.posts)
        #expect(Set(service.posts.map { $0.headers["idempotency-key"] }).count == 1)
        let errors = result.annotations("error")
        if let annotation = row.annotation {
            #expect(errors.count == 1, "\(result.log)")
            #expect(errors.first?.hasPrefix(annotation) == true, "\(errors)")
            #expect(errors.first?.contains(row.contains) == true, "\(errors)")
        } else {
            #expect(errors.isEmpty)
        }
        #expect(result.summary.contains("| \(row.status) |"), "\(result.summary)")
    }

    @Test("a post carries the file's bytes, the token, the type and the documented key", arguments: Workflow.allCases)
    func request(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, _ in .answer(201, "{}") }
        var job = job(workflow, service)
        job.commit = try await repository.head()
        _ = try await job.run()
        let post = try #require(service.posts.first)
        #expect(post.path == "/v1/configs/models")
        #expect(post.headers["authorization"] == "Bearer secret-token")
        #expect(post.headers["content-type"] == "application/x-yaml")
        #expect(post.body == Array("sie_id: acme/m\n".utf8))
        let commit = try await repository.head()
        #expect(post.headers["idempotency-key"]?.hasPrefix("gh-o-r-\(commit.prefix(12))-") == true)
    }

    @Test("the service's own warnings become annotations of the file", arguments: Workflow.allCases)
    func warnings(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, _ in .answer(201, #"{"warnings":["not announced","50% done"]}"#) }
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == 0)
        #expect(
            result.annotations("warning") == [
                "::warning file=\(Self.file)::not announced", "::warning file=\(Self.file)::50%25 done",
            ])
    }

    @Test(
        "a replay whose answer is gone is believed only if the model is there", arguments: Workflow.allCases,
        [200, 404])
    func evicted(_ workflow: Workflow, status: Int) async throws {
        let service = try await ScriptedService { request, _ in
            request.method == "POST"
                ? .answer(200, #"{"error":"idempotent_replay_evicted","message":"m"}"#)
                : .answer(status, "sie_id: acme/m\n")
        }
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == (status == 200 ? 0 : 1), "\(result.log)")
        #expect(service.requests.last?.path == "/v1/configs/models/acme/m")
    }

    @Test("P29 commands in a body are inert", arguments: Workflow.allCases)
    func commands(_ workflow: Workflow) async throws {
        let body = "::error::injected\n::set-output name=x::y\n::endgroup::\r\n##[error]legacy\n"
        let service = try await ScriptedService { _, _ in .answer(500, body) }
        let result = try await job(workflow, service).run()
        let lines = result.log.split(separator: "\n").map(String.init)
        let stop = try #require(lines.firstIndex { $0.hasPrefix("::stop-commands::") })
        let word = lines[stop].dropFirst("::stop-commands::".count)
        #expect(word.count >= 32)
        let end = try #require(lines.firstIndex(of: "::\(word)::"))
        for (index, line) in lines.enumerated() where line.contains("injected") && line.hasPrefix("::error::") {
            #expect(stop < index && index < end, "\(result.log)")
        }
        #expect(lines.filter { $0.hasPrefix("::group::") }.count == 1)
        #expect(lines[end + 1] == "::endgroup::")
    }

    @Test("P38 503 twice and then 201 is a success with one key", arguments: Workflow.allCases)
    func transient(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, number in
            number < 2
                ? .answer(503, #"{"detail":{"error":"nats_unavailable"}}"#, headers: ["Retry-After": "1"])
                : .answer(201, "{}")
        }
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(service.posts.count == 3)
        #expect(Set(service.posts.map { $0.headers["idempotency-key"] }).count == 1)
        #expect(result.annotations("error").isEmpty)
    }

    @Test("P27 a service that takes the connection and never answers holds nobody up", arguments: Workflow.allCases)
    func hung(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, _ in .nothing }
        var job = job(workflow, service)
        job.overrides["POST_TIMEOUT_SECONDS"] = "1"
        job.overrides["POST_MAX_ATTEMPTS"] = "2"
        let result = try await job.run()
        #expect(result.exitCode == 1)
        #expect(result.duration < .seconds(30))
        #expect(service.posts.count == 2)
        #expect(result.annotations("error").first?.contains("000") == true, "\(result.log)")
    }

    @Test(
        "P35 a file whose model could not be asked for is not sent", arguments: Workflow.allCases,
        [
            "profiles: {}\n", "sie_id:\n", "sie_id: 7\n", "sie_id: [a]\n", "sie_id: ''\n", "sie_id: {\n", "- a\n",
            "a\tb: '\n",
        ])
    func badID(_ workflow: Workflow, text: String) async throws {
        let service = try await ScriptedService { _, _ in .answer(201, "{}") }
        repository.write(text, to: Self.file)
        repository.write("sie_id: acme/ok\n", to: "configs/models/acme__ok.yaml")
        try await repository.commit()
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == 1, "\(result.log)")
        #expect(result.annotations("error").first?.hasPrefix("::error file=\(Self.file)::") == true, "\(result.log)")
        #expect(service.posts.map { String(decoding: $0.body, as: UTF8.self) } == ["sie_id: acme/ok\n"])
    }

    @Test("a listed file that is gone by now is skipped, with a warning", arguments: Workflow.allCases)
    func goneFile(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, _ in .answer(201, "{}") }
        try FileManager.default.removeItem(atPath: "\(repository.path)/\(Self.file)")
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(result.annotations("warning").count == 1)
        #expect(service.posts.isEmpty)
    }

    @Test("P36 line ends and byte order mark arrive as they are", arguments: Workflow.allCases)
    func bytes(_ workflow: Workflow) async throws {
        let service = try await ScriptedService { _, _ in .answer(201, "{}") }
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF] + Array("sie_id: acme/m\r\nprofiles: {}\r\n".utf8)
        repository.write(Data(bytes), to: Self.file)
        try await repository.commit()
        let result = try await job(workflow, service).run()
        #expect(result.exitCode == 0, "\(result.log)")
        #expect(service.posts.first?.body == bytes)
    }
}
