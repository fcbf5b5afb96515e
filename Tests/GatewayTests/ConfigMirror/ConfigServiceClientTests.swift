import AsyncHTTPClient
import Catalog
import Gateway
import HTTPService
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing
import YAML

/// How the client takes answers that a real sie-config does not give at will.
@Suite("Asking the control plane", .timeLimit(.minutes(1)))
struct ConfigServiceClientTests {
    struct Answer: Sendable {
        var status: HTTPResponse.Status = .ok
        var body: String
    }

    /// Serves fixed answers and notes the authorization of each request.
    static func with(
        _ answers: [String: Answer], token: String? = nil,
        body: @Sendable (ConfigServiceClient) async throws -> Void
    ) async throws -> [String] {
        let seen = SeenHeaders()
        let routes = Router()
        routes.get("/**") { request, _ in
            seen.note(request.headers[.authorization] ?? "")
            guard let answer = answers[request.uri.path] else { throw HTTPError(.notFound) }
            return Response(status: answer.status, body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
        }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(host: "127.0.0.1", port: 0), routes: routes.buildResponder(),
            group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let port = try await server.bind().port ?? 0
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(
                ConfigServiceClient(baseURL: "http://127.0.0.1:\(port)", token: token, http: .shared))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        return seen.all
    }

    private final class SeenHeaders: Sendable {
        private let headers = Mutex<[String]>([])
        var all: [String] { headers.withLock { $0 } }
        func note(_ header: String) { headers.withLock { $0.append(header) } }
    }

    @Test("epoch and hash are read, a missing hash is empty, and the token goes along")
    func epoch() async throws {
        let seen = try await Self.with(
            ["/v1/configs/epoch": Answer(body: #"{"epoch":18446744073709551615}"#)], token: "root"
        ) { client in
            let state = try await client.epoch()
            #expect(state == .init(epoch: .max, bundlesHash: ""))
        }
        #expect(seen == ["Bearer root"])
    }

    @Test(
        "what is no answer is a failure that tells path, status and the beginning of the body",
        arguments: [
            (503, "not yet", "GET /v1/configs/epoch: 503 not yet"),
            (401, #"{"detail":"no"}"#, #"GET /v1/configs/epoch: 401 {"detail":"no"}"#),
        ])
    func failures(status: Int, text: String, expected: String) async throws {
        let answer = Answer(status: .init(code: status), body: text)
        let seen = try await Self.with(["/v1/configs/epoch": answer]) { client in
            do throws(ConfigServiceClient.Failure) {
                _ = try await client.epoch()
                Issue.record("taken for an answer")
            } catch {
                #expect(error.description == expected)
            }
        }
        #expect(seen == [""], "no token, no header")
    }

    @Test("malformed JSON is a failure, for the export as well")
    func malformed() async throws {
        let answers = ["/v1/configs/epoch": Answer(body: "{"), "/v1/configs/export": Answer(body: "[]")]
        _ = try await Self.with(answers) { client in
            await #expect(throws: ConfigServiceClient.Failure.self) { try await client.epoch() }
            await #expect(throws: ConfigServiceClient.Failure.self) { try await client.export() }
        }
    }

    @Test("bundles are fetched one by one, their ids encoded; one that cannot be had fails the whole")
    func bundles() async throws {
        var answers = [
            "/v1/configs/bundles": Answer(
                body: #"{"bundles":[{"bundle_id":"default"},{"bundle_id":""},{"bundle_id":"a/b c"}]}"#),
            "/v1/configs/bundles/default": Answer(body: "name: default\npriority: 3\nadapters: [st]\n"),
            "/v1/configs/bundles/a%2Fb%20c": Answer(body: "name: a/b c\nadapters: []\n"),
        ]
        _ = try await Self.with(answers) { client in
            let bundles = try await client.bundles()
            #expect(bundles.map(\.id) == ["default", "a/b c"])
            #expect(bundles.map(\.priority.value) == [3, 100])
        }
        answers["/v1/configs/bundles/a%2Fb%20c"] = nil
        _ = try await Self.with(answers) { client in
            await #expect(throws: ConfigServiceClient.Failure.self) { try await client.bundles() }
        }
    }

    @Test("a model's YAML counts before its JSON; blank YAML and no body at all are told apart")
    func export() async throws {
        let body =
            #"{"epoch":7,"models":[{"model_id":"y","raw_yaml":"sie_id: y","model_config":{"sie_id":"j"}},"#
            + #"{"model_id":"j","raw_yaml":" \n","model_config":{"sie_id":"j"}},{"model_id":"n"},"#
            + #"{"model_id":"b","raw_yaml":"{["}]}"#
        _ = try await Self.with(["/v1/configs/export": Answer(body: body)]) { client in
            let export = try await client.export()
            #expect(export.epoch == 7)
            let ids = export.models.map { model in try? model.document?.get()["sie_id"]?.string }
            #expect(ids == ["y", "j", nil, nil])
            #expect(export.models[2].document == nil)
            #expect(export.models[3].document != nil)
        }
    }
}
