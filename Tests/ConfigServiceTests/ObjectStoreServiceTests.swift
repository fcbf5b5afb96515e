import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// The service over a bucket, against servers of object storage that others wrote.
@Suite struct ObjectStoreServiceTests {
    private final class Bundles: Sendable {
        let url = FileManager.default.temporaryDirectory.appending(path: "bundles-\(UUID().uuidString)")

        init() throws {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try Data("adapters: [acme.enc]\n".utf8).write(to: url.appending(path: "default.yaml"))
        }

        deinit { try? FileManager.default.removeItem(at: url) }
    }

    private let bundles: Bundles

    init() throws { bundles = try Bundles() }

    private func serve(_ location: String, _ environment: [String: String]) async throws -> ProductProcess {
        let settings = [
            "SIE_BUNDLES_DIR": bundles.url.path, "SIE_MODELS_DIR": "/nonexistent", "SIE_CONFIG_STORE_DIR": location,
            "SIE_CONFIG_RESTORE": "true",
        ]
        return try await ProductProcess("sie-config", environment: settings.merging(environment) { $1 }) { port in
            ["serve", "--host", "127.0.0.1", "--port", "\(port)"]
        }
    }

    private func add(_ id: String, to service: ProductProcess, key: String? = nil) async throws -> HTTPTestClient.Reply
    {
        let body = "sie_id: \(id)\nprofiles: {default: {adapter_path: 'acme.enc:A', max_batch_tokens: 1}}\n"
        let headers: HTTPHeaders = key.map { ["idempotency-key": $0] } ?? [:]
        return try await HTTPTestClient(port: service.port).post(
            "/v1/configs/models", headers: headers, body: ByteBuffer(string: body))
    }

    private func get(_ path: String, of service: ProductProcess) async throws -> HTTPTestClient.Reply {
        try await HTTPTestClient(port: service.port).send(.GET, path)
    }

    private func epoch(of service: ProductProcess) async throws -> Int? {
        try JSONReader.decode(await get("/v1/configs/epoch", of: service).body.readableBytesView)["epoch"]?.intValue
    }

    @Test(
        "writes to a bucket survive a kill and an orderly end, with their epoch and keyed answers",
        arguments: ObjectStorageProcess.Kind.allCases)
    func restarts(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let location = server.location("team/config/")
        let first = try await serve(location, server.environment)
        let answer = try await add("a/one", to: first, key: "k1")
        #expect(answer.status == 201)
        first.signal(SIGKILL)
        _ = try await first.exitStatus(within: .seconds(10))

        let second = try await serve(location, server.environment)
        #expect(try await epoch(of: second) == 1)
        #expect(try await get("/v1/configs/models/a/one", of: second).text.contains("sie_id: a/one"))
        let replay = try await add("a/one", to: second, key: "k1")
        #expect(replay.status == 201 && replay.text == answer.text)
        #expect(try await add("two", to: second).status == 201)
        second.signal(SIGTERM)
        #expect(try await second.exitStatus(within: .seconds(20)) == 0)

        let third = try await serve(location, server.environment)
        #expect(try await epoch(of: third) == 2)
        let models = try JSONReader.decode(await get("/v1/configs/models", of: third).body.readableBytesView)["models"]
        #expect(models?.arrayValue?.compactMap { $0["model_id"]?.stringValue } == ["a/one", "two"])
        #expect(models?.arrayValue?.allSatisfy { $0["source"] == "api" } == true)
    }

    @Test("two services at one bucket lose no write and give no epoch twice")
    func twoWriters() async throws {
        let server = try await ObjectStorageProcess(.s3)
        let location = server.location("shared")
        let first = try await serve(location, server.environment)
        #expect(try await add("m0", to: first).status == 201)
        let second = try await serve(location, server.environment)
        for index in 1...6 {
            let reply = try await add("m\(index)", to: index % 2 == 0 ? first : second)
            #expect(reply.status == 201, "\(reply.text)")
        }
        #expect(try await epoch(of: first) == 7)
        let models = try JSONReader.decode(await get("/v1/configs/models", of: first).body.readableBytesView)["models"]
        #expect(models?.arrayValue?.count == 7)
    }

    @Test("a bucket that is down refuses writes with 503, and they go on when it is back")
    func outage() async throws {
        let server = try await ObjectStorageProcess(.s3)
        let service = try await serve(server.location("p"), server.environment)
        #expect(try await add("one", to: service).status == 201)
        try await server.stop()
        let refused = try await add("two", to: service)
        #expect(refused.status == 503)
        #expect(refused.text.contains("store_unavailable"))
        #expect(try await get("/v1/configs/models/one", of: service).status == 200)
        #expect(try await get("/v1/configs/models/two", of: service).status == 404)

        // moto forgets its objects with its process; the service finds an empty bucket and begins it anew.
        let revived = try await ObjectStorageProcess(.s3, port: server.port)
        var status = 0
        for _ in 0..<5 where status != 201 { status = try await add("two", to: service).status }
        #expect(status == 201)
        _ = revived
    }

    @Test("a service that starts before its bucket is not ready, and becomes so by itself")
    func downAtStart() async throws {
        let port = try NATSServerProcess.freePort()
        let environment = [
            "AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        ]
        let service = try await serve("s3://\(ObjectStorageProcess.bucket)/p", environment)
        #expect(try await get("/healthz", of: service).status == 200)
        #expect(try await get("/readyz", of: service).status == 503)
        #expect(try await get("/v1/configs/models", of: service).status == 503)
        #expect(try await add("one", to: service).status == 503)

        let server = try await ObjectStorageProcess(.s3, port: port)
        let start = ContinuousClock.now
        while try await get("/readyz", of: service).status != 200, .now - start < .seconds(40) {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await add("one", to: service).status == 201)
        _ = server
    }

    @Test("secrets of the store's credentials are in no log")
    func secrecy() async throws {
        let server = try await ObjectStorageProcess(.s3)
        var environment = server.environment
        environment["AWS_SECRET_ACCESS_KEY"] = "a-very-secret-key"
        environment["AWS_SESSION_TOKEN"] = "a-very-secret-token"
        environment["SIE_LOG_LEVEL"] = "debug"
        let service = try await serve(server.location("p"), environment)
        #expect(try await add("one", to: service).status == 201)
        service.signal(SIGTERM)
        _ = try await service.exitStatus(within: .seconds(20))
        #expect(service.log.contains("s3://"))
        #expect(!service.log.contains("very-secret"))
    }

    @Test("a location without a bucket stops the start with a message that names it")
    func malformed() async throws {
        let program = try ProgramProcess(
            try Tools.product("sie-config"), arguments: ["serve", "--port", "0"],
            environment: ["SIE_CONFIG_STORE_DIR": "s3:///prefix", "SIE_BUNDLES_DIR": bundles.url.path])
        #expect(try await program.exitCode(within: .seconds(20)) != 0)
        #expect((program.standardOutput + program.standardError).contains("s3:///prefix"))
    }
}
