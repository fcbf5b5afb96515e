import HTTPService
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Shutdown and start", .timeLimit(.minutes(1)))
struct ShutdownTests {
    @Test("shutdown closes idle connections, says goodbye to WebSockets and lets an open request finish")
    func graceful() async throws {
        let waiting = Signal<HTTPExchange>()
        let lane = TestFastLane { waiting.send($0.exchange) }
        let opened = Signal<Bool>()
        let route = WebSocketRoute(path: "/ws") { connection in
            opened.send(true)
            guard let messages = connection.messages else { return }
            for await _ in messages {}
        }
        try await TestServer.with(fastLane: lane, webSockets: [route]) { server in
            let idle = try await RawConnection(port: server.port)
            let busy = try await RawConnection(port: server.port)
            try await busy.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            let exchange = try #require(await waiting.next())

            try await WebSocketClient.withConnection(
                to: "ws://127.0.0.1:\(server.port)/ws", group: MultiThreadedEventLoopGroup.singleton
            ) { webSocket in
                _ = await opened.next()
                await server.shutDown()
                #expect(await webSocket.closure == .goingAway)
            }
            #expect(await idle.rest() == "")
            #expect(server.server.isDraining)

            exchange.respond(HTTPReply(status: .ok, body: ByteBuffer(string: "late")))
            let answer = try await busy.answer()
            #expect(answer.body == "late")
            #expect(answer.headers["connection"] == "close")
            #expect(await busy.rest() == "")
            await #expect(throws: (any Error).self) { try await RawConnection(port: server.port) }
        }
    }

    @Test("hundreds of idle connections and open WebSockets end well inside the grace period")
    func crowd() async throws {
        let opened = Signal<Bool>()
        let route = WebSocketRoute(path: "/ws", readsMessages: false) { connection in
            opened.send(true)
            _ = await connection.closure
        }
        let routes = Router()
        routes.get("/alive") { _, _ in "alive" }
        let configuration = TestServer.configuration { $0.shutdownGrace = .seconds(20) }
        try await TestServer.with(routes: routes, webSockets: [route], configuration: configuration) { server in
            var idle: [RawConnection] = []
            for _ in 0..<300 {
                let connection = try await RawConnection(port: server.port)
                try await connection.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\n")
                #expect(try await connection.answer().body == "alive")
                idle.append(connection)
            }
            try await withThrowingTaskGroup(of: WebSocketClosure.self) { tasks in
                for _ in 0..<50 {
                    tasks.addTask {
                        try await WebSocketClient.withConnection(
                            to: "ws://127.0.0.1:\(server.port)/ws", group: MultiThreadedEventLoopGroup.singleton
                        ) { await $0.closure }
                    }
                }
                for _ in 0..<50 { _ = await opened.next() }
                let start = ContinuousClock.now
                await server.shutDown()
                for try await closure in tasks { #expect(closure == .goingAway) }
                for connection in idle { #expect(await connection.rest() == "") }
                #expect(.now - start < .seconds(10))
            }
        }
    }

    @Test("what is still open when the grace period ends is cut off")
    func graceEnds() async throws {
        let lane = TestFastLane { _ in }
        let configuration = TestServer.configuration { $0.shutdownGrace = .milliseconds(50) }
        try await TestServer.with(fastLane: lane, configuration: configuration) { server in
            let stuck = try await RawConnection(port: server.port)
            try await stuck.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            await server.shutDown()
            #expect(await stuck.rest() == "")
        }
    }

    @Test("a port in use is an error that names the port")
    func portInUse() async throws {
        try await TestServer.with { server in
            let second = HTTPServer(
                configuration: HTTPServerConfiguration(host: "127.0.0.1", port: server.port),
                routes: Router().buildResponder(), group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let error = await #expect(throws: HTTPServerError.self) { try await second.bind() }
            #expect(error == .portInUse(host: "127.0.0.1", port: server.port))
            #expect(error?.description.contains("port \(server.port) is in use") == true)
        }
    }
}
