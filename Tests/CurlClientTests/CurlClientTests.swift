import CurlClient
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite struct CurlClientTests {
    private func failure(_ client: CurlClient, _ request: CurlRequest, limit: Int = 1 << 20) async -> CurlError? {
        do throws(CurlError) {
            _ = try await client.perform(request, bodyLimitBytes: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test("method, target, headers and body arrive as given, and the answer comes back")
    func roundTrip() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            .text(
                "seen \(request.body.count)", status: 201,
                headers: [("X-Reply", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
        }
        let client = try CurlClient()
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let response = try await client.perform(
            CurlRequest(
                "PUT", "\(server.url)/a/../%20b?x=1&y=", headers: [.init("X-Test", "v"), .init("X-Empty", "")],
                body: body))
        #expect(response.status == 201)
        #expect(response.text == "seen 3000000")
        #expect(response.head["x-reply"] == "1")
        #expect(response.head.headers.filter { $0.name.lowercased() == "set-cookie" }.map(\.value) == ["a", "b"])
        let request = try #require(server.requests.first)
        #expect(request.method == "PUT")
        #expect(request.target == "/a/../%20b?x=1&y=")
        #expect(request.headers["x-test"] == ["v"])
        #expect(request.headers["x-empty"] == [""])
        #expect(request.headers["content-type"] == [])
        #expect(request.headers["expect"] == [])
        #expect(request.body == body)
    }

    @Test(
        "every method is sent with or without a body, an empty body with its length",
        arguments: ["GET", "HEAD", "DELETE", "POST", "PATCH"])
    func methods(_ method: String) async throws {
        let server = try await LoopbackHTTPServer { _, _ in .text("body") }
        let client = try CurlClient()
        let response = try await client.perform(CurlRequest(method, server.url))
        #expect(response.text == (method == "HEAD" ? "" : "body"))
        #expect(response.head["content-length"] == "4")
        if method != "HEAD" { _ = try await client.perform(CurlRequest(method, server.url, body: [])) }
        #expect(server.requests.map(\.method).allSatisfy { $0 == method })
        if method != "HEAD" { #expect(server.requests.last?.headers["content-length"] == ["0"]) }
    }

    #if os(Linux)
        @Test("a peer whose system acknowledges nothing is given up after 45 s, on an idle connection, too")
        func vanishedPeers() async throws {
            let server = try await LoopbackHTTPServer { _, _ in .text("body") }
            let client = try CurlClient()
            _ = try await client.perform(CurlRequest("GET", server.url))
            // The connection stays open for the next request.
            let descriptor = try #require((0..<4096).first { Self.peerPort(of: $0) == server.port })
            #expect(Self.option(SOL_SOCKET, SO_KEEPALIVE, of: descriptor) == 1)
            #expect(Self.option(Int32(IPPROTO_TCP), TCP_KEEPIDLE, of: descriptor) == 30)
            #expect(Self.option(Int32(IPPROTO_TCP), TCP_KEEPINTVL, of: descriptor) == 15)
            #expect(Self.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, of: descriptor) == 45_000)
        }

        private static func peerPort(of descriptor: Int32) -> Int? {
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
            }
            return status == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
        }

        private static func option(_ level: Int32, _ name: Int32, of descriptor: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
        }
    #endif

    @Test("statuses are answers, not errors", arguments: [204, 301, 404, 412, 500])
    func statuses(_ status: Int) async throws {
        let server = try await LoopbackHTTPServer { _, _ in .reply(status, headers: [("Location", "/other")]) }
        let client = try CurlClient()
        #expect(try await client.perform(CurlRequest("GET", server.url)).status == status)
        #expect(server.requests.count == 1)
    }

    @Test("a body that is cut off, a connection that closes and a silent server are told apart")
    func faults() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            switch request.path {
            case "/cut": .cut(after: [1, 2, 3], announced: 10)
            case "/close": .close
            default: .silence
            }
        }
        let client = try CurlClient()
        for path in ["/cut", "/close"] {
            let error = await failure(client, CurlRequest("GET", server.url + path))
            guard case .connectionLost = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
        let timeouts = CurlTimeouts(total: .milliseconds(50))
        let late = await failure(client, CurlRequest("GET", server.url + "/silence", timeouts: timeouts))
        guard case .timedOut = late else {
            Issue.record("silence: \(String(describing: late))")
            return
        }
    }

    @Test("nobody listening, an unknown scheme and a line break in a header are errors before sending")
    func beforeSending() async throws {
        let client = try CurlClient()
        let port = try NATSServerProcess.freePort()
        let refused = await failure(client, CurlRequest("GET", "http://127.0.0.1:\(port)"))
        guard case .cannotConnect = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        for request in [
            CurlRequest("GET", "ftp://127.0.0.1/"), CurlRequest("GET", "http://[bad"),
            CurlRequest("GET", "http://127.0.0.1:\(port)", headers: [.init("A", "b\r\nC: d")]),
            CurlRequest("GET", "http://127.0.0.1:\(port)", headers: [.init("A:", "b")]),
        ] {
            let error = await failure(client, request)
            #expect(error?.isBeforeSending == true)
            guard case .invalidRequest = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("a body longer than the limit is refused, announced or not")
    func limit() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            request.path == "/announced"
                ? .reply(200, body: [UInt8](repeating: 0, count: 2000))
                : .stream { $0 < 1000 ? [UInt8](repeating: 0, count: 1000) : nil }
        }
        let client = try CurlClient()
        for path in ["/announced", "/streamed"] {
            let error = await failure(client, CurlRequest("GET", server.url + path), limit: 1999)
            #expect(error == .bodyTooLarge(limitBytes: 1999))
        }
        #expect(
            try await client.perform(CurlRequest("GET", server.url + "/announced"), bodyLimitBytes: 2000).body.count
                == 2000)
    }

    @Test("a stream gives each piece as it comes and ends with the server")
    func streaming() async throws {
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        let server = try await LoopbackHTTPServer { _, _ in
            .stream { index in
                var next = asked.makeAsyncIterator()
                _ = await next.next()
                return index < 3 ? Array("event \(index)\n".utf8) : nil
            }
        }
        let client = try CurlClient()
        let response = try await client.stream(
            CurlRequest("GET", server.url, timeouts: CurlTimeouts(total: nil, idle: .seconds(30))))
        #expect(response.head.status == 200)
        // Each piece is sent only after the one before has been read.
        var pieces = response.body.makeAsyncIterator()
        for index in 0..<3 {
            ask.yield()
            let piece = try await pieces.next()
            #expect(piece == Array("event \(index)\n".utf8))
        }
        ask.yield()
        let end = try await pieces.next()
        #expect(end == nil)
    }

    @Test("a slow reader holds the server up instead of filling memory")
    func backPressure() async throws {
        let total = 64 << 20
        let sent = NIOLockedValueBox(0)
        let server = try await LoopbackHTTPServer { _, _ in
            .stream { index in
                guard index * (64 << 10) < total else { return nil }
                sent.withLockedValue { $0 = index * (64 << 10) }
                return [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 64 << 10)
            }
        }
        let client = try CurlClient(readAheadBytes: 64 << 10)
        let response = try await client.stream(CurlRequest("GET", server.url))
        // A request of its own takes the loop's thread as long as the stream could have used it, twice.
        var before = -1
        while sent.withLockedValue({ $0 }) != before {
            before = sent.withLockedValue { $0 }
            for _ in 0..<50 { _ = await failure(client, CurlRequest("GET", "http://127.0.0.1:1/")) }
        }
        #expect(before < total / 2, "\(before) bytes were sent to a reader that reads nothing")
        var received = 0
        for try await piece in response.body { received += piece.count }
        #expect(received == total)
    }

    @Test("a cancelled task ends its request at once, and dropping a stream ends it at the server")
    func cancellation() async throws {
        let (closed, closing) = AsyncStream.makeStream(of: Void.self)
        let server = try await LoopbackHTTPServer { request, _ in
            request.path == "/silence"
                ? .silence
                : .stream { _ in
                    if Task.isCancelled {
                        closing.finish()
                        return nil
                    }
                    await Task.yield()
                    return [1]
                }
        }
        let client = try CurlClient()
        let task = Task { await failure(client, CurlRequest("GET", server.url + "/silence")) }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        #expect(await task.value == .cancelled)

        _ = try await client.stream(CurlRequest("GET", server.url + "/stream"))
        // The server's side of the stream ends because the connection does.
        let other = try await client.perform(CurlRequest("HEAD", server.url + "/stream"))
        #expect(other.status == 200)
        _ = (closed, closing)
    }

    @Test("many requests at once share the thread and its connections")
    func concurrency() async throws {
        let server = try await LoopbackHTTPServer { request, _ in .text(request.target) }
        let client = try CurlClient()
        let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<500 {
                group.addTask {
                    try await client.perform(CurlRequest("GET", "\(server.url)/\(index)")).text == "/\(index)"
                }
            }
            return try await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(answers.count == 500)
        #expect(answers.allSatisfy { $0 })
    }

    @Test("a client that is shut down fails what is under way and what comes later")
    func shutDown() async throws {
        let server = try await LoopbackHTTPServer { _, _ in .silence }
        let client = try CurlClient()
        let task = Task { await failure(client, CurlRequest("GET", server.url)) }
        while server.requests.isEmpty { await Task.yield() }
        client.shutDown()
        #expect(await task.value == .shutDown)
        #expect(await failure(client, CurlRequest("GET", server.url)) == .shutDown)
    }

    @Test("descriptions of requests and signatures hold no secret")
    func redaction() {
        let signature = AWSSignature(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: "very-secret", sessionToken: "session-secret", region: "r",
            service: "s3")
        let request = CurlRequest(
            "GET", "https://host/key?token=secret", headers: [.init("Authorization", "Bearer secret")],
            awsSignature: signature)
        #expect(!"\(request)".contains("secret"))
        #expect(!String(reflecting: signature).contains("secret"))
        #expect(!String(describing: Optional(signature)).contains("secret"))
    }
}
