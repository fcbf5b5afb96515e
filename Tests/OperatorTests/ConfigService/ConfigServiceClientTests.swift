import CurlClient
import Foundation
import JSONStream
import NIOConcurrencyHelpers
import NIOHTTP1
import Observability
import Operator
import TestSupport
import Testing
import YAML

@Suite("The config service's client", .timeLimit(.minutes(1)))
struct ConfigServiceClientTests {
    private func client(
        _ url: String, token: String? = nil, registry: MetricsRegistry = MetricsRegistry(),
        _ change: (inout ConfigServiceClient.Options) -> Void = { _ in }
    ) throws -> ConfigServiceClient {
        var options = ConfigServiceClient.Options()
        change(&options)
        return ConfigServiceClient(
            try CurlClient(), url: url, token: BearerToken(file: token), options: options,
            requests: registry.counter("requests_total", help: "", labels: ["code", "op"]))
    }

    @Test("a registration carries its document, type, key and token; the answer comes as it is")
    func register() async throws {
        let server = try await LoopbackHTTPServer { _, _ in
            .text("{}", status: 503, headers: [("Retry-After", "7")])
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("secret".utf8).write(to: file)
        let registry = MetricsRegistry()
        let answer = try await client(server.url + "/", token: file.path(), registry: registry).register(
            Array(#"{"sie_id":"a/b"}"#.utf8), idempotencyKey: "key/1")
        #expect(answer == .response(status: 503, body: .object([]), retryAfterSeconds: 7))
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.target == "/v1/configs/models")
        #expect(request.text == #"{"sie_id":"a/b"}"#)
        #expect(request.headers["content-type"] == ["application/x-yaml"])
        #expect(request.headers["idempotency-key"] == ["key/1"])
        #expect(request.headers["authorization"] == ["Bearer secret"])
        let text = String(decoding: registry.render(), as: UTF8.self)
        #expect(text.contains(#"requests_total{code="503",op="post"} 1"#))
    }

    @Test(
        "a bundle is what the service's document says; what cannot be read or asked is not known, and not absent",
        arguments: [
            (
                200, "adapters:\n- x.y\nname: b\npriority: 10\nsource: filesystem\n",
                BundleAdvertisement.answered(.init(name: "b", priority: 10, adapters: ["x.y"]))
            ),
            (200, "priority: 1.5\nadapters: []", .answered(.init(name: "b c", priority: nil, adapters: []))),
            (404, "{}", .answered(nil)), (503, "{}", .unavailable("it answered 503")),
            (401, "{}", .unavailable("it answered 401")),
        ])
    func bundle(_ status: Int, _ body: String, _ expected: BundleAdvertisement) async throws {
        let server = try await LoopbackHTTPServer { _, _ in .text(body, status: status) }
        #expect(try await client(server.url).bundle("b c") == expected)
        #expect(server.requests.first?.target == "/v1/configs/bundles/b%20c")
    }

    @Test("a bundle's document that is none leaves it unknown", arguments: ["[", "- a", "adapters: 3"])
    func brokenBundle(_ body: String) async throws {
        let server = try await LoopbackHTTPServer { _, _ in .text(body) }
        guard case .unavailable = try await client(server.url).bundle("b") else {
            Issue.record("it is known")
            return
        }
    }

    @Test("writes go one at a time and so many a second; reads do not wait for them")
    func order() async throws {
        let writing = NIOLockedValueBox((now: 0, most: 0))
        let server = try await LoopbackHTTPServer { request, _ in
            if request.method == "GET" { return .text(#"{"epoch":4,"bundles_hash":"h"}"#) }
            writing.withLockedValue { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            return .stream { index in
                guard index == 0 else { return nil }
                try? await Task.sleep(for: .milliseconds(5))
                writing.withLockedValue { $0.now -= 1 }
                return Array("{}".utf8)
            }
        }
        let client = try client(server.url) { $0.pace = WritePace(perSecond: 100) }
        let began = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask { _ = await client.register([], idempotencyKey: "\(index)", isRepair: true) }
            }
            group.addTask {
                let epoch = await client.epoch()
                #expect(epoch == ConfigServiceEpoch(epoch: 4, bundlesHash: "h"))
            }
        }
        #expect(writing.withLockedValue { $0.most } == 1)
        #expect(.now - began >= .milliseconds(95))
        #expect(server.requests.count == 21)
    }

    @Test("an epoch that was told a moment ago is told again without a request, to whoever can do with it")
    func rememberedEpoch() async throws {
        let server = try await LoopbackHTTPServer { _, index in
            index < 2 ? .text(#"{"epoch":\#(4 + index),"bundles_hash":"h"}"#) : .text("{}", status: 503)
        }
        let client = try client(server.url)
        var told: [Int?] = []
        told.append(await client.epoch(notOlderThan: .seconds(60))?.epoch)
        told.append(await client.epoch(notOlderThan: .seconds(60))?.epoch)
        told.append(await client.epoch()?.epoch)
        told.append(await client.epoch(notOlderThan: .seconds(60))?.epoch)
        #expect(told == [4, 4, 5, 5])
        #expect(server.requests.count == 2)
        // A failure is no epoch, and the last answer goes on for as long as it may.
        #expect(await client.epoch() == nil)
        #expect(await client.epoch(notOlderThan: .seconds(60))?.epoch == 5)
    }

    @Test("nobody there, no answer and answers that are none are told apart from refusals")
    func failures() async throws {
        let silent = try await LoopbackHTTPServer { _, _ in .silence }
        let mute = try client(silent.url) { $0.timeout = .milliseconds(100) }
        guard case .failed(.none) = await mute.model("m"), await mute.epoch() == nil else {
            Issue.record("silence is an answer")
            return
        }
        let odd = try await LoopbackHTTPServer { request, index in
            index == 0 ? .text("<html>") : .text(#"{"detail":"no"}"#, status: request.method == "GET" ? 404 : 405)
        }
        let client = try client(odd.url)
        #expect(await client.epoch() == nil)
        guard case .absent = await client.model("m") else {
            Issue.record("a model out of nothing")
            return
        }
        let removal = await client.remove("a/b c")
        #expect(removal == .response(status: 405, body: ["detail": "no"]))
        #expect(odd.requests.last?.target == "/v1/configs/models/a/b%20c")
    }

    @Test("the real config service takes a document of JSON, replays it by its key, and its epoch tells")
    func real() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "bundles"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: folder.appending(path: "models"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("name: default\npriority: 1\nadapters: [acme.enc]\n".utf8).write(
            to: folder.appending(path: "bundles/default.yaml"))
        let service = try await ProductProcess(
            "sie-config",
            environment: [
                "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path(),
                "SIE_MODELS_DIR": folder.appending(path: "models").path(),
                "SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path(),
            ]
        ) { port in ["serve", "--host", "127.0.0.1", "--port", "\(port)"] }
        let client = try client("http://127.0.0.1:\(service.port)")
        let before = try #require(await client.epoch())
        let document = #"{"profiles":{"default":{"adapter_path":"acme.enc:A"}},"sie_id":"acme/model"}"#
        for _ in 0..<2 {
            guard case .response(201, _, _) = await client.register(Array(document.utf8), idempotencyKey: "k") else {
                Issue.record("not registered")
                return
            }
        }
        #expect(await client.epoch() == ConfigServiceEpoch(epoch: before.epoch + 1, bundlesHash: before.bundlesHash))
        guard case .found(let found) = await client.model("acme/model") else {
            Issue.record("not found")
            return
        }
        #expect(found["profiles"]?.mapping?["default"]?.mapping?["adapter_path"]?.string == "acme.enc:A")
        guard case .absent = await client.model("acme/other") else {
            Issue.record("found")
            return
        }
        guard case .response(405, _, _) = await client.remove("acme/model") else {
            Issue.record("removed")
            return
        }
    }
}
