import HTTPService
import Hummingbird
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Request limits", .timeLimit(.minutes(1)))
struct RequestLimitTests {
    @Test("a body that announces too much is refused at its head")
    func announcedTooLarge() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 100)) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000000\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 413)
            #expect(answer.headers["connection"] == "close")
            #expect(answer.body == #"{"message":"The request body exceeds the limit of 100 bytes"}"#)
        }
    }

    @Test("a chunked body is refused as soon as it passes the limit")
    func chunkedTooLarge() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 100)) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            let chunk = "20\r\n" + String(repeating: "c", count: 32) + "\r\n"
            for _ in 0..<3 { try await connection.send(chunk) }
            // 96 bytes are within the limit, 128 are not; the body has not ended.
            try await connection.send(chunk)
            #expect(try await connection.answer().status == 413)
        }
    }

    @Test("a client that sends all of a refused body before it reads still gets its answer")
    func refusedBodyIsRead() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 100)) { server in
            let connection = try await RawConnection(port: server.port)
            let size = 20 << 20
            try await connection.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n")
            let part = [UInt8](repeating: 0x61, count: 1 << 20)
            for _ in 0..<20 { try await connection.send(part) }
            #expect(try await connection.answer().status == 413)
            #expect(await connection.rest() == "")
        }
    }

    @Test("a small refused body is skipped and the connection goes on")
    func smallRefusedBody() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 10)) { server in
            let connection = try await RawConnection(port: server.port)
            for (path, status) in [("/", 413), ("/refused", 401)] {
                try await connection.send(
                    "POST \(path) HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n" + String(repeating: "x", count: 50)
                )
                #expect(try await connection.answer().status == status)
                try await connection.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nok")
                #expect(try await connection.answer().body == "ok")
            }
        }
    }

    @Test("expect: 100-continue is answered before the body, but not for a body that is refused")
    func expectContinue() async throws {
        try await TestServer.with(fastLane: TestFastLane(bodyLimitBytes: 100)) { server in
            let connection = try await RawConnection(port: server.port)
            let head = "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
            try await connection.send(head + "content-length: 4\r\n\r\n")
            #expect(try await connection.answer().status == 100)
            try await connection.send("body")
            #expect(try await connection.answer().body == "body")

            try await connection.send(head + "content-length: 101\r\n\r\n")
            let refused = try await connection.answer()
            #expect(refused.status == 413)
            #expect(refused.headers["connection"] == "close")
        }
    }

    @Test("routes have a body limit of their own")
    func routeLimit() async throws {
        let routes = Router()
        routes.put("/thing") { request, _ in
            try await String(buffer: request.body.collect(upTo: 1 << 20))
        }
        let configuration = TestServer.configuration { $0.routeBodyLimitBytes = 8 }
        try await TestServer.with(routes: routes, configuration: configuration) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("PUT /thing HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n12345678")
            #expect(try await connection.answer().body == "12345678")
            try await connection.send("PUT /thing HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n123456789")
            #expect(try await connection.answer().status == 413)
        }
    }

    @Test(
        "bytes that are no HTTP get 400 and the connection ends",
        arguments: [
            "\u{16}\u{03}\u{01}hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        ])
    func garbage(bytes: String) async throws {
        try await TestServer.with { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(bytes)
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.body == #"{"message":"The request is not valid HTTP"}"#)
            #expect(await connection.rest() == "")
        }
    }

    @Test("header fields beyond the limits get 431")
    func hugeHeaders() async throws {
        try await TestServer.with { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "GET / HTTP/1.1\r\nhost: x\r\nx-big: \(String(repeating: "a", count: 200_000))\r\n\r\n")
            #expect(try await connection.answer().status == 431)
        }
    }

    @Test("garbage behind a good request does not spoil its answer and is refused behind it")
    func garbageBehind() async throws {
        let lane = TestFastLane { request in
            request.exchange.eventLoop.scheduleTask(in: .milliseconds(20)) {
                request.exchange.respond(HTTPReply(status: .ok, body: request.body))
            }
        }
        try await TestServer.with(fastLane: lane) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nok\u{01}\u{02}garbage\r\n\r\n")
            #expect(try await connection.answer().body == "ok")
            #expect(try await connection.answer().status == 400)
            #expect(await connection.rest() == "")
        }
    }

    @Test("damaged requests never stop the server")
    func fuzz() async throws {
        let routes = Router()
        routes.get("/alive") { _, _ in "alive" }
        try await TestServer.with(routes: routes, fastLane: TestFastLane(bodyLimitBytes: 64)) { server in
            let seed = Array(
                "POST /x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                    .utf8)
            var random = SeededGenerator(seed: 20_260_131)
            for _ in 0..<300 {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(contentsOf: bytes[index...].prefix(9), at: index)
                    }
                }
                let connection = try await RawConnection(port: server.port)
                // The server may have closed already.
                try? await connection.send(bytes)
                try? await connection.closeOutput()
                _ = await connection.rest()
            }
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await connection.answer().body == "alive")
        }
    }

    @Test("a body that makes no progress gets 408")
    func bodyTimeout() async throws {
        let configuration = TestServer.configuration { $0.bodyTimeout = .milliseconds(50) }
        try await TestServer.with(fastLane: TestFastLane(), configuration: configuration) { server in
            let stuck = try await RawConnection(port: server.port)
            try await stuck.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
            #expect(try await stuck.answer().status == 408)
        }
    }

    @Test("an idle connection is closed")
    func idleTimeout() async throws {
        let configuration = TestServer.configuration { $0.idleTimeout = .milliseconds(100) }
        try await TestServer.with(fastLane: TestFastLane(), configuration: configuration) { server in
            let idle = try await RawConnection(port: server.port)
            #expect(await idle.rest() == "")
        }
    }
}
