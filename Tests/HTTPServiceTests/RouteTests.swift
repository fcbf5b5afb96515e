import HTTPService
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Observability
import Testing

@Suite("Routes", .timeLimit(.minutes(1)))
struct RouteTests {
    private struct Oops: Error {}

    private static func router(bodies: HTTPErrorBodies = .message) -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorBodyMiddleware(bodies))
        router.add(middleware: ResponseHeadersMiddleware([.server: "sie"]))
        router.get("/hello") { _, _ in "hello" }
        router.get("/models/**") { request, _ -> String in
            guard let id = request.decodedPath(after: "/models/") else { throw HTTPError(.badRequest) }
            return id
        }
        router.post("/things") { request, _ in try await String(buffer: request.body.collect(upTo: 1 << 20)) }
        router.get("/oops") { _, _ -> String in throw Oops() }
        router.get("/stream") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for part in ["one ", "two ", "three"] { try await writer.write(ByteBuffer(string: part)) }
                    try await writer.finish(nil)
                })
        }
        router.refuseOtherMethods(headAnswersGet: true)
        return router
    }

    private static func get(_ path: String, _ server: TestServer) async throws -> RawConnection.Answer {
        let connection = try await RawConnection(port: server.port)
        try await connection.send("GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n")
        return try await connection.answer()
    }

    @Test("handlers, streamed bodies and request bodies work, and middleware adds its headers")
    func handlers() async throws {
        try await TestServer.with(routes: Self.router()) { server in
            let hello = try await Self.get("/hello", server)
            #expect(hello.body == "hello")
            #expect(hello.headers["server"] == "sie")
            let stream = try await Self.get("/stream", server)
            #expect(stream.headers["transfer-encoding"] == "chunked")
            #expect(stream.body == "one two three")
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nthing")
            #expect(try await connection.answer().body == "thing")
        }
    }

    @Test("unknown paths, wrong methods and thrown errors are worded by the service")
    func errors() async throws {
        try await TestServer.with(routes: Self.router(bodies: .detail)) { server in
            let unknown = try await Self.get("/nowhere", server)
            #expect(unknown.status == 404)
            #expect(unknown.body == #"{"detail":"Not Found"}"#)
            #expect(unknown.headers["content-type"] == "application/json")

            let failed = try await Self.get("/oops", server)
            #expect(failed.status == 500)
            #expect(failed.body == #"{"detail":"Internal server error"}"#)

            let connection = try await RawConnection(port: server.port)
            try await connection.send("DELETE /hello HTTP/1.1\r\nhost: x\r\n\r\n")
            let refused = try await connection.answer()
            #expect(refused.status == 405)
            #expect(refused.headers["allow"] == "GET,HEAD")
            #expect(refused.body == #"{"detail":"Method Not Allowed"}"#)
            try await connection.send("PUT /things HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            #expect(try await connection.answer().headers["allow"] == "POST")
        }
    }

    @Test("ids with slashes and escapes arrive decoded; malformed escapes are refused")
    func ids() async throws {
        try await TestServer.with(routes: Self.router()) { server in
            for path in ["/models/BAAI/bge-m3", "/models/BAAI%2Fbge-m3?x=1"] {
                let found = try await Self.get(path, server)
                #expect(found.body == "BAAI/bge-m3")
            }
            for path in ["/models/a%zz", "/models/%ff"] {
                let refused = try await Self.get(path, server)
                #expect(refused.status == 400)
            }
        }
    }

    @Test("a request to switch to a protocol we do not speak is answered plainly and the connection closes")
    func otherUpgrade() async throws {
        try await TestServer.with(routes: Self.router()) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "GET /hello HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.body == "hello")
            #expect(answer.headers["connection"] == "close")
            #expect(await connection.rest() == "")
        }
    }

    @Test("observers see the route's template, the status and a duration")
    func observation() async throws {
        let seen = Signal<ObservedRequest>()
        let router = Router()
        router.add(middleware: ObservationMiddleware { seen.send($0) })
        router.add(middleware: ErrorBodyMiddleware(.message))
        router.get("/items/{id}") { _, _ in "item" }
        try await TestServer.with(routes: router) { server in
            _ = try await Self.get("/items/7", server)
            let item = try #require(await seen.next())
            #expect(item.route == "/items/{id}")
            #expect(item.response.status == .ok)
            #expect(item.duration > .zero)
            _ = try await Self.get("/nothing", server)
            let nothing = try #require(await seen.next())
            #expect(nothing.route == nil)
            #expect(nothing.response.status == .notFound)
        }
    }

    @Test("an authorization rule answers instead of the handler")
    func authorization() async throws {
        let router = Router()
        router.add(
            middleware: AuthorizationMiddleware { request in
                guard let token = BearerToken.token(in: request.headers[.authorization]) else {
                    return .deny(HTTPReply(status: .unauthorized))
                }
                return BearerToken.matches(token, "secret") ? .allow : .deny(HTTPReply(status: .forbidden))
            })
        router.get("/hello") { _, _ in "hello" }
        try await TestServer.with(routes: router) { server in
            let connection = try await RawConnection(port: server.port)
            for (header, status) in [
                ("", 401), ("authorization: Bearer wrong\r\n", 403), ("authorization: bearer secret\r\n", 200),
            ] {
                try await connection.send("GET /hello HTTP/1.1\r\nhost: x\r\n\(header)\r\n")
                #expect(try await connection.answer().status == status)
            }
        }
    }

    @Test("metrics are served as Prometheus text")
    func metrics() async throws {
        let registry = MetricsRegistry()
        registry.counter("hits_total", help: "Hits.").with().increment()
        let router = Router()
        router.get("/metrics") { _, _ in Response.metrics(registry) }
        try await TestServer.with(routes: router) { server in
            let answer = try await Self.get("/metrics", server)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.body == "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total 1\n")
        }
    }
}
