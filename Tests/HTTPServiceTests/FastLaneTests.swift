import HTTPService
import Hummingbird
import NIOCore
import NIOHTTP1
import Testing

@Suite("Fast lane", .timeLimit(.minutes(1)))
struct FastLaneTests {
    private static func post(_ path: String, _ body: String, extra: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\(extra)\r\n\(body)"
    }

    @Test("a request is answered with its whole body and the connection stays open")
    func keepAlive() async throws {
        try await TestServer.with(fastLane: TestFastLane()) { server in
            let connection = try await RawConnection(port: server.port)
            for index in 0..<3 {
                try await connection.send(Self.post("/echo", "hello \(index)"))
                let answer = try await connection.answer()
                #expect(answer == .init(status: 200, headers: ["content-length": "7"], body: "hello \(index)"))
            }
        }
    }

    @Test("pipelined requests are answered in order, whoever answers when")
    func pipelining() async throws {
        let lane = TestFastLane { request in
            // The earlier a request, the longer its answer takes.
            let delay = request.head.uri == "/0" ? TimeAmount.milliseconds(30) : .zero
            request.exchange.eventLoop.scheduleTask(in: delay) {
                request.exchange.respond(HTTPReply(status: .ok, body: ByteBuffer(string: request.head.uri)))
            }
        }
        let routes = Router()
        routes.get("/route") { _, _ in "/route" }
        try await TestServer.with(routes: routes, fastLane: lane) { server in
            let connection = try await RawConnection(port: server.port)
            let requests = (0..<20).map { index in
                index == 10
                    ? "GET /route HTTP/1.1\r\nhost: x\r\n\r\n"
                    : Self.post("/\(index)", String(repeating: "b", count: 99))
            }
            try await connection.send(requests.joined())
            for index in 0..<20 {
                #expect(try await connection.answer().body == (index == 10 ? "/route" : "/\(index)"))
            }
        }
    }

    @Test(
        "answers that a socket takes at once, takes in part and that are streamed keep their order",
        arguments: [true, false])
    func mixedAnswers(areRead: Bool) async throws {
        let lane = TestFastLane { request in
            switch request.head.uri {
            case "/pieces":
                let pieces = ["p", "q", "r"].map { [UInt8](repeating: Character($0).asciiValue ?? 0, count: 3 << 20) }
                request.exchange.respond(.ok, body: pieces) { $0.add("x-kind", "pieces") }
            case "/long":
                request.exchange.respond(HTTPReply(status: .ok, body: ByteBuffer(repeating: 0x6c, count: 1 << 20)))
            case let uri: request.exchange.respond(HTTPReply(status: .ok, body: ByteBuffer(string: uri)))
            }
        }
        let routes = Router()
        routes.get("/streamed") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for _ in 0..<3 { try await writer.write(ByteBuffer(string: "part ")) }
                    try await writer.finish(nil)
                })
        }
        let paths = ["/a", "/pieces", "/b", "/streamed", "/c", "/long", "/d", "/e"]
        let requests = paths.map { path in
            path == "/streamed" ? "GET /streamed HTTP/1.1\r\nhost: x\r\n\r\n" : Self.post(path, "body")
        }
        @Sendable func check(_ answer: RawConnection.Answer, to path: String) {
            #expect(answer.status == 200)
            switch path {
            case "/pieces":
                #expect(answer.body.utf8.count == 9 << 20)
                #expect(answer.body.utf8.enumerated().allSatisfy { $1 == UInt8(ascii: "p") + UInt8($0 >> 20) / 3 })
            case "/long": #expect(answer.body == String(repeating: "l", count: 1 << 20))
            case "/streamed": #expect(answer.body == "part part part ")
            default: #expect(answer.body == path)
            }
        }
        try await TestServer.with(routes: routes, fastLane: lane) { server in
            let connection = try await RawConnection(port: server.port, reads: areRead)
            // Together, and then one by one: the channel's part in them must not stay.
            try await connection.send(requests.joined())
            if !areRead { try await connection.startReading() }
            for path in paths { check(try await connection.answer(), to: path) }
            for (path, request) in zip(paths, requests) {
                try await connection.send(request)
                check(try await connection.answer(), to: path)
            }
        }
    }

    @Test("an answer may come from any thread, and only the first one counts")
    func anyThread() async throws {
        let lane = TestFastLane { request in
            Task {
                request.exchange.respond(HTTPReply(status: .created))
                request.exchange.respond(HTTPReply(status: .badGateway))
            }
        }
        try await TestServer.with(fastLane: lane) { server in
            let connection = try await RawConnection(port: server.port)
            for _ in 0..<50 {
                try await connection.send(Self.post("/", "x"))
                #expect(try await connection.answer().status == 201)
            }
        }
    }

    @Test("a request cut at every byte is answered the same")
    func everySplit() async throws {
        try await TestServer.with(fastLane: TestFastLane()) { server in
            let connection = try await RawConnection(port: server.port)
            let whole = Array(Self.post("/echo", "split me", extra: "x-test: 1\r\n").utf8)
            let chunked = Array(
                "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsplit\r\n3\r\n me\r\n0\r\n\r\n"
                    .utf8)
            for request in [whole, chunked] {
                for cut in 1..<request.count {
                    try await connection.send(Array(request[..<cut]))
                    try await connection.send(Array(request[cut...]))
                    let answer = try await connection.answer()
                    #expect(answer == .init(status: 200, headers: ["content-length": "8"], body: "split me"))
                }
            }
        }
    }

    @Test("a large body arrives whole in one buffer")
    func largeBody() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 8 << 20)) { server in
            let connection = try await RawConnection(port: server.port)
            let body = String(repeating: "0123456789abcdef", count: 300_000)
            try await connection.send(Self.post("/", body))
            #expect(try await connection.answer().body == body)
        }
    }

    @Test("connection: close is honoured after the answer, and so is HTTP/1.0")
    func connectionClose() async throws {
        try await TestServer.with(fastLane: TestFastLane()) { server in
            let closing = try await RawConnection(port: server.port)
            try await closing.send(Self.post("/", "x", extra: "connection: close\r\n"))
            let answer = try await closing.answer()
            #expect(answer.headers["connection"] == "close")
            #expect(await closing.rest() == "")

            let old = try await RawConnection(port: server.port)
            try await old.send("POST / HTTP/1.0\r\ncontent-length: 1\r\n\r\nx")
            #expect(try await old.answer().body == "x")
            #expect(await old.rest() == "")

            let kept = try await RawConnection(port: server.port)
            for _ in 0..<2 {
                try await kept.send("POST / HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx")
                #expect(try await kept.answer().headers["connection"] == "keep-alive")
            }
        }
    }

    @Test("what the lane does not take goes to the router, HEAD and OPTIONS included")
    func passesOn() async throws {
        let routes = Router(options: .autoGenerateHeadEndpoints)
        routes.get("/page") { _, _ in "page" }
        routes.on("/page", method: .options) { _, _ in "options" }
        try await TestServer.with(routes: routes, fastLane: TestFastLane()) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("HEAD /page HTTP/1.1\r\nhost: x\r\n\r\n")
            let head = try await connection.answer(hasBody: false)
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "4")
            try await connection.send("OPTIONS /page HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await connection.answer().body == "options")
            try await connection.send("GET /page HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await connection.answer().body == "page")
        }
    }

    @Test("a client that leaves while it waits is reported once")
    func disconnectWhileWaiting() async throws {
        let waiting = Signal<Bool>()
        let gone = Signal<String>()
        let lane = TestFastLane { request in
            request.exchange.onDisconnect { gone.send(request.head.uri) }
            waiting.send(true)
        }
        try await TestServer.with(fastLane: lane) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(Self.post("/left", "x"))
            _ = await waiting.next()
            try await connection.close()
            #expect(await gone.next() == "/left")
        }
    }

    @Test("a client that leaves in the middle of a body reaches no handler and harms nobody")
    func disconnectMidBody() async throws {
        let handled = Signal<String>()
        let lane = TestFastLane { request in
            handled.send(request.head.uri)
            request.exchange.respond(HTTPReply(status: .ok))
        }
        try await TestServer.with(fastLane: lane) { server in
            let leaving = try await RawConnection(port: server.port)
            try await leaving.send("POST /cut HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf")
            try await leaving.close()
            let staying = try await RawConnection(port: server.port)
            try await staying.send(Self.post("/whole", "x"))
            #expect(try await staying.answer().status == 200)
            #expect(await handled.next() == "/whole")
        }
    }
}
