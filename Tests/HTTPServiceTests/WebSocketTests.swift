import HTTPService
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite("WebSocket", .timeLimit(.minutes(1)))
struct WebSocketTests {
    private static let echo = WebSocketRoute(path: "/echo") { connection in
        guard let messages = connection.messages else { return }
        for await message in messages {
            guard (try? await connection.send(message)) != nil else { return }
        }
    }

    private static func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/hello") { _, _ in "hello" }
        return router
    }

    private static let handshake = """
        GET /echo HTTP/1.1\r
        host: x\r
        connection: keep-alive, Upgrade\r
        upgrade: websocket\r
        sec-websocket-version: 13\r
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r
        \r

        """

    @Test("a connection that has carried requests becomes a WebSocket, with RFC 6455's sample key")
    func upgradeAfterRequests() async throws {
        try await TestServer.with(routes: Self.router(), webSockets: [Self.echo]) { server in
            let connection = try await RawConnection(port: server.port)
            for _ in 0..<3 {
                try await connection.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n")
                #expect(try await connection.answer().body == "hello")
            }
            // The handshake and the first frame ("Hello", masked; RFC 6455 section 5.7) in one segment.
            let frame: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
            try await connection.send(Array(Self.handshake.utf8) + frame)
            let answer = try await connection.answer()
            #expect(answer.status == 101)
            #expect(answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(try await connection.byteArray(count: 7) == [0x81, 0x05] + Array("Hello".utf8))
        }
    }

    @Test("pipelined requests in front of the handshake are answered before it")
    func upgradeAfterPipelinedRequest() async throws {
        try await TestServer.with(routes: Self.router(), webSockets: [Self.echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n" + Self.handshake)
            #expect(try await connection.answer().body == "hello")
            #expect(try await connection.answer().status == 101)
        }
    }

    @Test("handshakes that cannot be accepted are answered as requests")
    func refusals() async throws {
        let closed = WebSocketRoute(
            path: "/closed", authorize: { _ in .refuse(HTTPReply(status: .unauthorized)) }, handle: { _ in })
        try await TestServer.with(routes: Self.router(), webSockets: [Self.echo, closed]) { server in
            let cases = [
                (Self.handshake.replacing("/echo", with: "/none"), 404),
                (Self.handshake.replacing("/echo", with: "/closed"), 401),
                (Self.handshake.replacing("version: 13", with: "version: 8"), 426),
                (Self.handshake.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
            ]
            for (request, status) in cases {
                let connection = try await RawConnection(port: server.port)
                try await connection.send(request)
                #expect(try await connection.answer().status == status)
            }
            await #expect(throws: WebSocketError.refused(status: 401)) {
                try await WebSocketClient.withConnection(
                    to: "ws://127.0.0.1:\(server.port)/closed", group: MultiThreadedEventLoopGroup.singleton
                ) { _ in }
            }
        }
    }

    @Test("our client and our server exchange messages of all sizes and close politely")
    func clientAndServer() async throws {
        try await TestServer.with(webSockets: [Self.echo]) { server in
            try await WebSocketClient.withConnection(
                to: "http://127.0.0.1:\(server.port)/echo", group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                let received = try #require(connection.messages)
                var iterator = received.makeAsyncIterator()
                for size in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
                    let text = WebSocketMessage.text(String(repeating: "é", count: size / 2))
                    try await connection.send(text)
                    #expect(await iterator.next() == text)
                    let binary = WebSocketMessage.binary(ByteBuffer(repeating: 0xFF, count: size))
                    try await connection.send(binary)
                    #expect(await iterator.next() == binary)
                }
                connection.close()
                #expect(await connection.closure == .normal)
                #expect(await iterator.next() == nil)
            }
        }
    }

    @Test("a route that only sends ends when its client leaves, whatever the client has sent")
    func sendOnly() async throws {
        let ended = Signal<Bool>()
        let route = WebSocketRoute(path: "/status", readsMessages: false) { connection in
            while (try? await connection.send(.text("tick"))) != nil {
                guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { break }
            }
            ended.send(true)
        }
        try await TestServer.with(webSockets: [route]) { server in
            try await WebSocketClient.withConnection(
                to: "ws://127.0.0.1:\(server.port)/status", group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                for _ in 0..<100 { try await connection.send(.text("ignored")) }
                let received = try #require(connection.messages)
                var iterator = received.makeAsyncIterator()
                #expect(await iterator.next() == .text("tick"))
            }
            #expect(await ended.next() == true)
        }
    }

    @Test("a consumer that is slow slows the sender and loses nothing")
    func backPressure() async throws {
        let route = WebSocketRoute(path: "/count") { connection in
            for number in 0..<2000 {
                guard (try? await connection.send(.text(String(number)))) != nil else { return }
            }
        }
        try await TestServer.with(webSockets: [route]) { server in
            try await WebSocketClient.withConnection(
                to: "ws://127.0.0.1:\(server.port)/count", group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                let received = try #require(connection.messages)
                var expected = 0
                for await message in received {
                    #expect(message == .text(String(expected)))
                    expected += 1
                    if expected.isMultiple(of: 100) { await Task.yield() }
                }
                #expect(expected == 2000)
            }
        }
    }

    @Test("connecting to nobody and to non-WebSocket URLs fails with a meaning")
    func clientErrors() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        await #expect(throws: WebSocketError.invalidURL("ftp://x/")) {
            try await WebSocketClient.withConnection(to: "ftp://x/", group: group) { _ in }
        }
        try await TestServer.with(routes: Self.router()) { server in
            await #expect(throws: WebSocketError.refused(status: 200)) {
                try await WebSocketClient.withConnection(to: "ws://127.0.0.1:\(server.port)/hello", group: group) { _ in
                }
            }
        }
    }

    @Test(
        "aiohttp and websockets as clients: pooled connection, text, 200 KB, ping, fragments, close",
        .enabled(if: PythonProcess.isInstalled))
    func pythonClients() async throws {
        try await TestServer.with(routes: Self.router(), webSockets: [Self.echo]) { server in
            let printed = try await PythonProcess.run(
                """
                import asyncio, sys, aiohttp, websockets
                port = sys.argv[1]
                async def main():
                    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
                        for _ in range(3):
                            async with session.get(f"http://127.0.0.1:{port}/hello") as r:
                                assert await r.text() == "hello"
                        async with session.ws_connect(f"ws://127.0.0.1:{port}/echo") as ws:
                            await ws.send_str("grüße")
                            assert (await ws.receive_str()) == "grüße"
                            big = bytes(range(256)) * 800
                            await ws.send_bytes(big)
                            assert (await ws.receive_bytes()) == big
                            await ws.ping(b"p")
                            await ws.close(code=4001, message=b"bye")
                            print("aiohttp", ws.close_code)
                    async with websockets.connect(f"ws://127.0.0.1:{port}/echo", max_size=None) as ws:
                        await ws.send(["frag", "men", "ted"])
                        assert (await ws.recv()) == "fragmented"
                        await (await ws.ping())
                        await ws.close(4002)
                        print("websockets", ws.close_code)
                    for bad in ["text", "mask"]:
                        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
                        writer.write(b"GET /echo HTTP/1.1\\r\\nhost: x\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\n"
                                     b"sec-websocket-version: 13\\r\\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
                        await reader.readuntil(b"\\r\\n\\r\\n")
                        writer.write(b"\\x81\\x81\\0\\0\\0\\0\\xff" if bad == "text" else b"\\x81\\x01a")
                        frame = await reader.read(100)
                        print(bad, int.from_bytes(frame[2:4], "big"))
                asyncio.run(main())
                """, arguments: [String(server.port)])
            #expect(printed == ["aiohttp 4001", "websockets 4002", "text 1007", "mask 1002"])
        }
    }

    @Test(
        "an aiohttp server greets our client at once, pings it, echoes and closes with its own code",
        .enabled(if: PythonProcess.isInstalled))
    func pythonServer() async throws {
        let python = try PythonProcess(
            """
            import asyncio
            from aiohttp import web
            async def status(request):
                ws = web.WebSocketResponse(max_msg_size=0)
                await ws.prepare(request)
                await ws.send_str("welcome")
                await ws.ping(b"are you there")
                async for message in ws:
                    if message.data == "end":
                        await ws.close(code=4321, message=b"enough")
                    elif message.type.name == "TEXT":
                        await ws.send_str(message.data)
                    else:
                        await ws.send_bytes(message.data)
                return ws
            async def main():
                app = web.Application()
                app.router.add_get("/ws/status", status)
                runner = web.AppRunner(app)
                await runner.setup()
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                print(site._server.sockets[0].getsockname()[1])
                await asyncio.sleep(60)
            asyncio.run(main())
            """)
        var lines = python.lines.makeAsyncIterator()
        let port = try #require(await lines.next())
        for _ in 0..<20 {
            try await WebSocketClient.withConnection(
                to: "ws://127.0.0.1:\(port)/ws/status", group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                let received = try #require(connection.messages)
                var iterator = received.makeAsyncIterator()
                #expect(await iterator.next() == .text("welcome"))
                let big = WebSocketMessage.binary(ByteBuffer(repeating: 7, count: 200_000))
                try await connection.send(big)
                #expect(await iterator.next() == big)
                try await connection.send(.text("end"))
                #expect(await iterator.next() == nil)
                #expect(await connection.closure == WebSocketClosure(code: 4321, reason: "enough"))
            }
        }
    }
}
