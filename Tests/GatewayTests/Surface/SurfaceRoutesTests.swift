import Gateway
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("The routes that are not inference", .timeLimit(.minutes(1)))
struct SurfaceRoutesTests {
    static func documents() throws -> ClusterDocuments { try ClusterDocumentsTests.documents() }

    static func json(_ reply: HTTPTestClient.Reply) throws -> JSONValue {
        try reply.body.withUnsafeReadableBytes { try JSONReader.decode($0) }
    }

    @Test("probes, metrics and lists answer with their types, to GET and HEAD")
    func reads() async throws {
        try await SurfaceServer.with(documents: try Self.documents()) { http in
            for (path, type) in [
                ("/healthz", "application/json"), ("/readyz", "application/json"), ("/health", "application/json"),
                ("/metrics", "text/plain; version=0.0.4; charset=utf-8"), ("/v1/models", "application/json"),
                ("/v1/configs/models", "application/json"), ("/v1/configs/bundles", "application/json"),
                ("/v1/configs/bundles/default", "application/x-yaml"),
                ("/v1/configs/models/BAAI/bge-m3", "application/x-yaml"),
                ("/v1/configs/models/BAAI%2Fbge-m3/status", "application/json"),
                ("/v1/models/BAAI%2Fbge-m3", "application/json"),
            ] {
                let get = try await http.send(.GET, path)
                #expect(get.status == 200, "\(path)")
                #expect(get.headers.first(name: "content-type") == type, "\(path)")
                let head = try await http.send(.HEAD, path)
                #expect(head.status == 200, "\(path)")
                #expect(head.body.readableBytes == 0)
            }
        }
    }

    @Test("a draining gateway is not ready, and still healthy")
    func draining() async throws {
        try await SurfaceServer.with(documents: try Self.documents(), isDraining: true) { http in
            let ready = try await http.send(.GET, "/readyz")
            let alive = try await http.send(.GET, "/healthz")
            #expect(ready.status == 503)
            #expect(alive.status == 200)
        }
    }

    @Test("unknown names are not found, and the answer names them")
    func unknown() async throws {
        try await SurfaceServer.with(documents: try Self.documents()) { http in
            for (path, message) in [
                ("/v1/models/does/not/exist", "Model 'does/not/exist' not found"),
                ("/v1/configs/models/org/none", "Model 'org/none' not found"),
                ("/v1/configs/models/org/none/status", "Model 'org/none/status' not found"),
                ("/v1/configs/bundles/Default", "Bundle 'Default' not found"),
            ] {
                let reply = try await http.send(.GET, path)
                #expect(reply.status == 404)
                #expect(try Self.json(reply)["message"]?.stringValue == message)
            }
            #expect(try await http.send(.GET, "/v1/configs/export").status == 404)
            #expect(try await http.send(.GET, "/v1/configs/epoch").status == 404)
        }
    }

    @Test("a model whose name ends in /status is readable while no model without it exists")
    func statusInTheName() async throws {
        let documents = try ClusterDocumentsTests.documents([
            "{sie_id: foo/status, profiles: {default: {adapter_path: 'st:A'}}}"
        ])
        try await SurfaceServer.with(documents: documents) { http in
            let read = try await http.send(.GET, "/v1/configs/models/foo/status")
            #expect(read.text == "sie_id: \"foo/status\"\nsource: \"gateway-registry\"\nbundles:\n- \"default\"\n")
            #expect(
                try Self.json(try await http.send(.GET, "/v1/configs/models/foo/status/status"))["no_bundles"] == false)
        }
    }

    @Test("known paths refuse other methods and say which they take; writing models is not the gateway's")
    func otherMethods() async throws {
        try await SurfaceServer.with(documents: try Self.documents()) { http in
            let write = try await http.post("/v1/configs/models", body: ByteBuffer(string: "sie_id: x"))
            #expect(write.status == 405)
            #expect(write.headers.first(name: "allow") == "GET,HEAD")
            let read = try await http.send(.GET, "/v1/configs/resolve")
            #expect(read.status == 405)
            #expect(read.headers.first(name: "allow") == "POST")
        }
    }

    static func resolve(
        _ http: HTTPTestClient, _ body: String, type: String? = "application/json"
    ) async throws -> HTTPTestClient.Reply {
        let headers: HTTPHeaders = type.map { ["content-type": $0] } ?? [:]
        return try await http.post("/v1/configs/resolve", headers: headers, body: ByteBuffer(string: body))
    }

    @Test("resolving takes JSON and nothing else, and tells malformed from wrong")
    func resolveBodies() async throws {
        try await SurfaceServer.with(documents: try Self.documents()) { http in
            let good = #"{"model":"org/both","bundle":"sglang"}"#
            #expect(try await Self.resolve(http, good).status == 200)
            #expect(try await Self.resolve(http, good, type: "application/vnd.sie+json; charset=utf-8").status == 200)
            #expect(try await Self.resolve(http, good, type: nil).status == 415)
            #expect(try await Self.resolve(http, good, type: "text/plain").status == 415)
            #expect(try await Self.resolve(http, "{").status == 400)
            for wrong in ["[]", "{}", #"{"model":5}"#, #"{"model":"m","bundle":5}"#, "null"] {
                #expect(try await Self.resolve(http, wrong).status == 422, "\(wrong)")
            }
            #expect(try await Self.resolve(http, #"{"model":"org/none"}"#).status == 404)
            #expect(try await Self.resolve(http, #"{"model":"sglang:/BAAI/bge-m3"}"#).status == 409)
            let large = #"{"model":"\#(String(repeating: "x", count: 2 << 20))"}"#
            let refused = try await Self.resolve(http, large)
            #expect(refused.status == 413)
            #expect(try Self.json(refused)["message"] != nil)
            #expect(try Self.json(try await Self.resolve(http, good))["resolved_bundle"] == "sglang")
        }
    }

    @Test("a gateway with tokens turns strangers away before it looks at the path")
    func tokens() async throws {
        let environment = [
            "SIE_AUTH_MODE": "token", "SIE_AUTH_TOKENS": "reader", "SIE_ADMIN_TOKEN": "root",
        ]
        try await SurfaceServer.with(documents: try Self.documents(), environment: environment) { http in
            #expect(try await http.send(.GET, "/v1/models").status == 401)
            #expect(try await http.send(.GET, "/nowhere").status == 401)
            #expect(try await http.send(.GET, "/healthz").status == 200)
            let reader: HTTPHeaders = ["authorization": "Bearer reader", "content-type": "application/json"]
            #expect(try await http.send(.GET, "/v1/models", headers: reader).status == 200)
            #expect(try await http.send(.GET, "/nowhere", headers: reader).status == 404)
            let resolve = try await http.post(
                "/v1/configs/resolve", headers: reader, body: ByteBuffer(string: #"{"model":"org/both"}"#))
            #expect(resolve.status == 200, "resolving is a read")
            #expect(try await http.post("/v1/configs/models", headers: reader, body: ByteBuffer()).status == 403)
            // A path that only decodes to an administrative one must not be one either.
            let hidden = try await http.post("/v1/%63onfigs/models", headers: reader, body: ByteBuffer())
            #expect([403, 404].contains(hidden.status))
        }
    }
}
