import Gateway
import HTTPService
import JSONStream
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite("The status page", .timeLimit(.minutes(1)))
struct StatusPageTests {
    static func documents() throws -> ClusterDocuments {
        try ClusterDocumentsTests.documents(
            ClusterDocumentsTests.seeded,
            [
                .init(name: "<script>alert(1)</script>", models: ["a\"><img src=x onerror='alert(2)'>"]),
                .init(name: "worker-1", models: ["BAAI/bge-m3"]),
            ])
    }

    @Test("it says how the cluster is, and lists workers and models")
    func content() throws {
        let page = StatusPage(try Self.documents(), nonce: "n0nce").html
        for text in [
            "<span id=\"status\" class=\"pill healthy\">healthy</span>", "<span>Workers</span><b id=\"workers\">2</b>",
            "<span>GPUs</span><b id=\"gpus\">2</b>", "<span>Models loaded</span><b id=\"loaded\">2</b>",
            "<span>QPS</span><b id=\"qps\">3.5</b>",
            "<td data-label=\"Name\"><b>worker-1</b></td>", "<td data-label=\"Model\"><b>BAAI/bge-m3</b></td>",
            "href=\"/ws/cluster-status\"", "href=\"/metrics\"", "href=\"/health\"",
            "name=\"viewport\" content=\"width=device-width",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        let empty = StatusPage(try ClusterDocumentsTests.documents(), nonce: "n").html
        #expect(empty.contains("class=\"pill degraded\">degraded</span>"))
    }

    @Test("what workers call themselves is text, not markup")
    func escaping() throws {
        let page = StatusPage(try Self.documents(), nonce: "n")
        #expect(!page.html.contains("<script>alert"))
        #expect(!page.html.contains("<img"))
        #expect(page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(page.html.contains("a&quot;&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt;"))
        #expect(StatusPage.escaped("a&b") == "a&amp;b")
    }

    @Test("it is sent with a policy that lets only its own script run, marked anew each time")
    func policy() async throws {
        try await SurfaceServer.with(documents: try Self.documents()) { http in
            let reply = try await http.send(.GET, "/")
            #expect(reply.status == 200)
            #expect(reply.headers.first(name: "content-type") == "text/html; charset=utf-8")
            let policy = try #require(reply.headers.first(name: "content-security-policy"))
            let nonce = try #require(policy.split(separator: "script-src 'nonce-").last?.split(separator: "'").first)
            #expect(reply.text.contains("<script nonce=\"\(nonce)\">"))
            #expect(policy.contains("default-src 'none'"))
            let again = try await http.send(.GET, "/")
            #expect(again.headers.first(name: "content-security-policy") != policy)
        }
        let closed = ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": "t"]
        try await SurfaceServer.with(documents: try Self.documents(), environment: closed) { http in
            let reply = try await http.send(.GET, "/")
            #expect(reply.status == 401)
            #expect(reply.headers.first(name: "content-type") == "application/json")
            let page = try await http.send(.GET, "/", headers: ["accept": "text/html,*/*;q=0.8"])
            #expect(page.status == 401)
            #expect(page.text.contains("asks for a token"))
            #expect(!page.text.contains("worker-1"))
            let elsewhere = try await http.send(.GET, "/health", headers: ["accept": "text/html"])
            #expect(elsewhere.headers.first(name: "content-type") == "application/json")
        }
    }

    @Test("a client that cannot send a header names its token as a subprotocol")
    func tokenInSubprotocol() {
        for (offered, token) in [
            (["sie.cluster-status", "sie.bearer.dG9rZW4"], "token"), (["sie.bearer.w7_Dv8O_"], "ÿÿÿ"),
            (["sie.bearer."], ""), (["sie.bearer.%%%"], nil), (["sie.cluster-status"], nil), ([], nil),
        ] {
            #expect(ClusterStream.token(offeredIn: offered) == token, "\(offered)")
        }
    }

    @Test("the WebSocket sends the cluster at once and then again and again, to those who may read it")
    func stream() async throws {
        let documents = try Self.documents()
        let token = ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": "t"]
        for (environment, headers) in [
            ([:], [:]), (token, ["authorization": "Bearer t"]),
            (token, ["sec-websocket-protocol": "sie.cluster-status, sie.bearer.dA"]),
        ] {
            try await SurfaceServer.with(documents: documents, environment: environment) { http in
                try await WebSocketClient.withConnection(
                    to: "ws://127.0.0.1:\(http.port)/ws/cluster-status", headers: .init(headers.map { ($0, $1) }),
                    group: MultiThreadedEventLoopGroup.singleton
                ) { connection in
                    var frames: [JSONValue] = []
                    for try await message in try #require(connection.messages) {
                        guard case .text(let text) = message else { continue }
                        frames.append(
                            try ByteBuffer(string: text).withUnsafeReadableBytes { try JSONReader.decode($0) })
                        if frames.count == 2 { break }
                    }
                    let first = try #require(frames.first)
                    #expect(first["cluster"]?["worker_count"] == 2)
                    #expect(first["cluster"]?["total_qps"] == 3.5)
                    #expect(first["workers"]?.arrayValue?.count == 2)
                    #expect(first["models"]?.arrayValue?.count == 2)
                    let time = try #require(first["timestamp"]?.doubleValue)
                    #expect(time > 1_600_000_000)
                    #expect((frames.last?["timestamp"]?.doubleValue ?? 0) > time)
                }
            }
        }
        try await SurfaceServer.with(documents: documents, environment: token) { http in
            await #expect(throws: WebSocketError.refused(status: 401)) {
                try await WebSocketClient.withConnection(
                    to: "ws://127.0.0.1:\(http.port)/ws/cluster-status", group: MultiThreadedEventLoopGroup.singleton
                ) { _ in }
            }
        }
    }
}
