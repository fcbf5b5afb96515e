import AsyncHTTPClient
import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// A real gateway in front of an upstream that does as told.
@Suite("Models of upstreams", .serialized, .timeLimit(.minutes(2)))
struct UpstreamRouteTests {
    static func withGateway(
        options: String = "", environment: [String: String] = [:],
        upstream answer: @escaping @Sendable (LoopbackHTTPServer.Request, Int) -> LoopbackHTTPServer.Answer,
        body: @Sendable (HTTPTestClient, LoopbackHTTPServer, ProductProcess) async throws -> Void
    ) async throws {
        let upstream = try await LoopbackHTTPServer(answer: answer)
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "upstreams.yaml")
        let text = """
            upstreams:
              - id: far
                base_url: \(upstream.url)/v1
                auth: {secret_file: \(folder.appending(path: "key").path)}
                models:
                  - {id: writer, upstream: writer-9, capabilities: [responses, chat]}
                  - {id: far-vectors, capabilities: [embeddings]}
                \(options)
            """
        try Data(text.utf8).write(to: file)
        try Data("sk-upstream\n".utf8).write(to: folder.appending(path: "key"))
        let gateway = try await RunningGateway.start(
            folder: folder,
            environment: ["SIE_GATEWAY_UPSTREAMS_FILE": file.path].merging(environment) { $1 })
        try await body(HTTPTestClient(port: gateway.port), upstream, gateway)
    }

    static func post(
        _ http: HTTPTestClient, _ json: String, path: String = "/v1/responses", headers: HTTPHeaders = [:]
    ) async throws -> HTTPTestClient.Reply {
        try await http.post(path, headers: headers, body: ByteBuffer(string: json))
    }

    static func code(_ reply: HTTPTestClient.Reply) -> String? {
        (try? EncodeRouteTests.json(reply))?["error"]?["code"]?.stringValue
    }

    @Test("a request is passed on with the upstream's key and name of the model, and its answer untouched")
    func passedOn() async throws {
        try await Self.withGateway(
            environment: ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": "caller"],
            upstream: { _, _ in
                .text(
                    #"{"id":"r1", "odd":  1}"#,
                    headers: [
                        ("content-type", "application/json"), ("x-request-id", "u1"), ("set-cookie", "no"),
                        ("x-ratelimit-remaining-requests", "7"),
                    ])
            }
        ) { http, upstream, gateway in
            let reply = try await Self.post(
                http, #"{"model":"writer","input":"hi","temperature":0.25,"unknown":{"a":[1,null]}}"#,
                headers: ["authorization": "Bearer caller", "traceparent": "00-1-2-01", "cookie": "secret"])
            #expect(reply.status == 200)
            #expect(reply.text == #"{"id":"r1", "odd":  1}"#)
            #expect(reply.headers.first(name: "x-upstream-request-id") == "u1")
            #expect(reply.headers.first(name: "x-ratelimit-remaining-requests") == "7")
            #expect(reply.headers.first(name: "x-sie-upstream") == "far")
            #expect(!reply.headers.contains(name: "set-cookie"))
            let sent = try #require(upstream.requests.first)
            #expect(sent.target == "/v1/responses")
            #expect(sent.headers["authorization"] == ["Bearer sk-upstream"])
            #expect(sent.headers["traceparent"] == ["00-1-2-01"])
            #expect(!sent.headers.contains(name: "cookie"))
            let body = try Data(sent.body).withUnsafeBytes { try JSONReader.decode($0) }
            #expect(body["model"] == "writer-9" && body["input"] == "hi" && body["temperature"] == 0.25)
            #expect(body["unknown"] == ["a": [1, nil]])
            #expect(body["store"] == false, "answers of one caller are not kept where others could read them")

            let stranger = try await Self.post(http, #"{"model":"writer"}"#)
            #expect(stranger.status == 401 && Self.code(stranger) == "invalid_api_key")
            let keyed = try await Self.post(
                http, #"{"model":"far-vectors","input":[[1,2]]}"#, path: "/v1/embeddings",
                headers: ["authorization": "Bearer caller"])
            #expect(keyed.status == 200, "token ids too, which workers here do not take")
            #expect(upstream.requests.last?.target == "/v1/embeddings")
            let models = try await http.send(.GET, "/v1/models", headers: ["authorization": "Bearer caller"])
            #expect(models.text.contains(#""id":"writer","object":"model","created":0,"owned_by":"far""#))
            let health = try await http.send(.GET, "/health", headers: ["authorization": "Bearer caller"])
            #expect(health.text.contains(#""upstreams":[{"id":"far","breaker":"closed"}]"#))
            #expect(!gateway.log.contains("sk-upstream") && !gateway.log.contains(#""hi""#))
        }
    }

    @Test("what cannot be passed on is refused in OpenAI's words")
    func refusals() async throws {
        try await Self.withGateway(options: "max_request_bytes: 400", upstream: { _, _ in .text("{}") }) {
            http, upstream, _ in
            for (json, path, status, code) in [
                ("{[", "/v1/responses", 400, "invalid_json"),
                (#"{"input":"x"}"#, "/v1/responses", 400, "missing_model"),
                (#"{"model":"none"}"#, "/v1/responses", 404, "model_not_found"),
                (#"{"model":"org/mini"}"#, "/v1/responses", 400, "model_capability_mismatch"),
                (#"{"model":"far-vectors"}"#, "/v1/chat/completions", 400, "model_capability_mismatch"),
                (#"{"model":"writer","previous_response_id":"r"}"#, "/v1/responses", 400, "unsupported_parameter"),
                (
                    #"{"model":"writer","input":"\#(String(repeating: "x", count: 500))"}"#, "/v1/responses", 413,
                    "request_too_large"
                ),
            ] {
                let reply = try await Self.post(http, json, path: path)
                #expect(reply.status == status && Self.code(reply) == code, "\(json.prefix(60)): \(reply.text)")
            }
            #expect(upstream.requests.isEmpty)
            #expect(try await http.send(.GET, "/v1/responses").status == 405)
            #expect(try await http.send(.GET, "/v1/responses/r1").status == 404)
        }
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let plain = try await RunningGateway.start(folder: folder, environment: [:])
        let off = try await Self.post(HTTPTestClient(port: plain.port), #"{"model":"writer"}"#)
        #expect(off.status == 404 && Self.code(off) == "responses_not_configured")
    }

    @Test("failures before the first byte are tried again; what stays is told as what it is")
    func failures() async throws {
        let answers: [String: LoopbackHTTPServer.Answer] = [
            "401": .text("{}", status: 401), "400": .text(#"{"error":{"code":"theirs"}}"#, status: 400),
            "silent": .silence,
        ]
        try await Self.withGateway(
            options: "max_retries: 1\n    first_byte_timeout_s: 0.5",
            upstream: { request, index in
                for (word, answer) in answers where request.text.contains("\"\(word)\"") { return answer }
                return index == 0 ? .text("{}", status: 503, headers: [("retry-after", "0")]) : .text(#"{"ok":true}"#)
            }
        ) { http, upstream, _ in
            let again = try await Self.post(http, #"{"model":"writer","input":"x"}"#)
            #expect(again.status == 200 && upstream.requests.count == 2)
            for (word, status, code) in [
                ("401", 502, "upstream_auth_failed"), ("400", 400, "theirs"), ("silent", 504, "upstream_timeout"),
            ] {
                let reply = try await Self.post(http, #"{"model":"writer","input":"\#(word)"}"#)
                #expect(reply.status == status && Self.code(reply) == code, "\(word): \(reply.status) \(reply.text)")
            }
        }
    }

    @Test(
        "events of a stream come as they are sent; one that falls silent says so; callers that leave end it",
        .timeLimit(.minutes(1)))
    func streams() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let events = [("content-type", "text/event-stream")]
        try await Self.withGateway(
            options: "first_byte_timeout_s: 1\n    idle_timeout_s: 1",
            upstream: { request, _ in
                if request.text.contains("endless") {
                    return .stream(headers: events) { _ in
                        try? await Task.sleep(for: .milliseconds(5))
                        return Task.isCancelled ? nil : Array("data: more\n\n".utf8)
                    }
                }
                let isSilent = request.text.contains("silent")
                return .stream(headers: events) { index in
                    switch index {
                    case 0: return Array("data: one\n\n".utf8)
                    case 1:
                        if isSilent {
                            try? await Task.sleep(for: .seconds(20))
                        } else {
                            for await _ in gate { break }
                        }
                        return Array("data: two\n\n".utf8)
                    default: return nil
                    }
                }
            }
        ) { http, _, _ in
            func begin(_ input: String) async throws -> HTTPClientResponse {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(http.port)/v1/responses")
                request.method = .POST
                request.body = .bytes(ByteBuffer(string: #"{"model":"writer","stream":true,"input":"\#(input)"}"#))
                return try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            }
            let response = try await begin("x")
            #expect(response.headers.first(name: "content-type") == "text/event-stream")
            #expect(response.headers.first(name: "x-accel-buffering") == "no")
            var pieces = response.body.makeAsyncIterator()
            // The second event is held back until the first has arrived here.
            #expect(try await pieces.next().map { String(buffer: $0) } == "data: one\n\n")
            open.yield()
            #expect(try await pieces.next().map { String(buffer: $0) } == "data: two\n\n")
            #expect(try await pieces.next() == nil)

            let silent = String(buffer: try await begin("silent").body.collect(upTo: 10_000))
            #expect(silent.hasPrefix("data: one\n\nevent: error\ndata: {"))
            #expect(silent.contains("upstream_timeout") && silent.hasSuffix("\n\n"))

            let leaving = Task {
                var pieces = try await begin("endless").body.makeAsyncIterator()
                _ = try await pieces.next()
            }
            try await leaving.value
            var metrics = try await http.send(.GET, "/metrics")
            let start = ContinuousClock.now
            while !metrics.text.contains(#"sie_gateway_upstream_streams_open{upstream="far"} 0"#) {
                try #require(.now - start < .seconds(10), "the stream ends once its caller has left")
                try await Task.sleep(for: .milliseconds(20))
                metrics = try await http.send(.GET, "/metrics")
            }
            #expect(metrics.text.contains(#"sie_gateway_upstream_requests_total{upstream="far",status="200"}"#))
        }
    }

    @Test("a request is left when its caller leaves before the first byte", .timeLimit(.minutes(1)))
    func abandoned() async throws {
        try await Self.withGateway(
            options: "max_concurrency: 1",
            upstream: { request, _ in
                request.text.contains("silent") ? .silence : .text("{}")
            }
        ) { http, upstream, _ in
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(http.port)/v1/responses")
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: #"{"model":"writer","input":"silent"}"#))
            let leaving = Task { [request] in try await HTTPClient.shared.execute(request, timeout: .seconds(30)) }
            while upstream.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            let busy = try await Self.post(http, #"{"model":"writer","input":"x"}"#)
            #expect(busy.status == 429 && Self.code(busy) == "upstream_busy")
            #expect(busy.headers.first(name: "retry-after") == "1")
            leaving.cancel()
            let start = ContinuousClock.now
            while try await Self.post(http, #"{"model":"writer","input":"x"}"#).status != 200 {
                try #require(.now - start < .seconds(10), "the place is free again once the caller has left")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test("an upstream that cannot be reached is not asked for a while")
    func unreachable() async throws {
        try await Self.withGateway(
            options: "max_retries: 2",
            environment: [:], upstream: { _, _ in .close }
        ) { http, _, _ in
            var codes: [String?] = []
            for _ in 0..<6 { codes.append(Self.code(try await Self.post(http, #"{"model":"writer","input":"x"}"#))) }
            #expect(codes.first == "upstream_unreachable")
            #expect(codes.last == "upstream_unavailable")
            #expect(try await http.send(.GET, "/readyz").status == 200)
        }
    }
}
