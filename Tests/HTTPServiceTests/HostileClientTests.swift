import HTTPService
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@Suite("Clients that hold on to connections", .timeLimit(.minutes(1)))
struct HostileClientTests {
    static func routes() -> Router<BasicRequestContext> {
        let routes = Router()
        routes.get("/alive") { _, _ in "alive" }
        return routes
    }

    static func waitUntil(_ what: String, _ condition: () -> Bool) async throws {
        let start = ContinuousClock.now
        while !condition() {
            try #require(.now - start < .seconds(20), "\(what)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("a head that dribbles in gets 408 when its time is over, although every byte was progress")
    func headDribble() async throws {
        let configuration = TestServer.configuration { $0.headTimeout = .milliseconds(150) }
        try await TestServer.with(configuration: configuration) { server in
            let slow = try await RawConnection(port: server.port)
            let dribble = Task { [channel = slow.channel] in
                try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nx-slow: "))
                while !Task.isCancelled {
                    try await channel.writeAndFlush(ByteBuffer(string: "a"))
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            let answer = try await slow.answer()
            dribble.cancel()
            #expect(answer.status == 408)
            #expect(answer.headers["connection"] == "close")
            #expect(answer.body == #"{"message":"The request's header fields did not arrive in time"}"#)
            #expect(await slow.rest() == "")
        }
    }

    @Test("a head in two parts with a pause is no attack")
    func slowHead() async throws {
        try await TestServer.with(routes: Self.routes()) { server in
            let connection = try await RawConnection(port: server.port)
            for _ in 0..<3 {
                for part in ["GET /al", "ive HTTP/1.1\r\nho", "st: x\r\n\r", "\n"] { try await connection.send(part) }
                #expect(try await connection.answer().body == "alive")
            }
        }
    }

    @Test("a body that dribbles in gets 408 once it has been too slow for too long")
    func bodyDribble() async throws {
        let configuration = TestServer.configuration { $0.bodyTimeout = .milliseconds(150) }
        try await TestServer.with(fastLane: TestFastLane(), configuration: configuration) { server in
            let slow = try await RawConnection(port: server.port)
            let dribble = Task { [channel = slow.channel] in
                try await channel.writeAndFlush(
                    ByteBuffer(string: "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"))
                while !Task.isCancelled {
                    try await channel.writeAndFlush(ByteBuffer(string: "a"))
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            let answer = try await slow.answer()
            dribble.cancel()
            #expect(answer.status == 408)
        }
    }

    @Test("a client that does not take its answer is cut off; one that reads gets all of it")
    func unreadAnswer() async throws {
        let lane = TestFastLane { request in
            request.exchange.respond(HTTPReply(status: .ok, body: ByteBuffer(repeating: 0x61, count: 32 << 20)))
        }
        let configuration = TestServer.configuration { $0.writeTimeout = .milliseconds(200) }
        try await TestServer.with(fastLane: lane, configuration: configuration) { server in
            for ending in ["", "connection: close\r\n"] {
                let request = "POST / HTTP/1.1\r\nhost: x\r\n\(ending)content-length: 0\r\n\r\n"
                let deaf = try await RawConnection(port: server.port, reads: false)
                try await deaf.send(request)
                try await Self.waitUntil("the answer is written") { server.server.openConnections == 1 }
                try await Self.waitUntil("the deaf client is cut off") { server.server.openConnections == 0 }
                let reader = try await RawConnection(port: server.port)
                try await reader.send(request)
                #expect(try await reader.answer().body.utf8.count == 32 << 20)
                try await reader.close()
                try await Self.waitUntil("the reader has left") { server.server.openConnections == 0 }
            }
        }
    }

    @Test("requests of a client that takes no answers are not worked on; once it reads, all are answered in order")
    func unreadPipeline() async throws {
        let handled = Mutex(0)
        let lane = TestFastLane { request in
            let number = handled.withLock { count in
                count += 1
                return count
            }
            request.exchange.respond(
                HTTPReply(
                    status: .ok, headers: ["x-number": "\(number)"], body: ByteBuffer(repeating: 0x61, count: 1 << 20)))
        }
        try await TestServer.with(fastLane: lane) { server in
            let client = try await RawConnection(port: server.port, reads: false)
            let request = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
            try await client.send(String(repeating: request, count: 100))
            try await Self.waitUntil("work begins") { handled.withLock { $0 } > 0 }
            try await Task.sleep(for: .milliseconds(100))
            #expect(handled.withLock { $0 } < 30)
            try await client.startReading()
            for number in 1...100 { #expect(try await client.answer().headers["x-number"] == "\(number)") }
        }
    }

    @Test("one connection too many gets 503 at once; a place that becomes free is given away")
    func tooManyConnections() async throws {
        let configuration = TestServer.configuration { $0.connectionLimit = 3 }
        try await TestServer.with(routes: Self.routes(), configuration: configuration) { server in
            var open: [RawConnection] = []
            for _ in 0..<3 { open.append(try await RawConnection(port: server.port)) }
            try await Self.waitUntil("all are accepted") { server.server.openConnections == 3 }
            let refused = try await RawConnection(port: server.port)
            let answer = try await refused.answer()
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "1")
            #expect(await refused.rest() == "")
            try await open.removeLast().close()
            try await Self.waitUntil("one has left") { server.server.openConnections == 2 }
            let next = try await RawConnection(port: server.port)
            try await next.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await next.answer().body == "alive")
        }
    }

    @Test("2,000 idle connections are kept and all served again")
    func manyIdle() async throws {
        try await TestServer.with(routes: Self.routes()) { server in
            var connections: [RawConnection] = []
            for _ in 0..<2000 { connections.append(try await RawConnection(port: server.port)) }
            for _ in 0..<2 {
                for connection in connections {
                    try await connection.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\n")
                    #expect(try await connection.answer().body == "alive")
                }
            }
            #expect(server.server.openConnections == 2000)
            for connection in connections { try await connection.close() }
            try await Self.waitUntil("all have left") { server.server.openConnections == 0 }
        }
    }

    @Test("10,000 connections opened and dropped leave nothing behind")
    func openedAndDropped() async throws {
        try await TestServer.with(routes: Self.routes()) { server in
            for number in 0..<10_000 {
                let connection = try await RawConnection(port: server.port)
                if number % 3 == 0 { try await connection.send("GET /alive HTTP/1.1\r\nho") }
                try await connection.close()
            }
            try await Self.waitUntil("all have left") { server.server.openConnections == 0 }
            let last = try await RawConnection(port: server.port)
            try await last.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await last.answer().body == "alive")
        }
    }
}
