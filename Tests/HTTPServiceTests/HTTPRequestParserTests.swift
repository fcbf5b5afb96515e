import HTTPService
import NIOCore
import NIOHTTP1
import Testing

@Suite("HTTP request parser")
struct HTTPRequestParserTests {
    /// What a parser makes of some bytes, part after part.
    static func requests(
        in parts: [[UInt8]], limits: HTTPRequestParser.Limits = .init()
    ) -> (requests: [ParsedRequest], failure: HTTPRequestFailure?) {
        var parser = HTTPRequestParser(limits: limits)
        var requests: [ParsedRequest] = []
        var open: ParsedRequest?
        for part in parts {
            parser.feed(ByteBuffer(bytes: part))
            do throws(HTTPRequestFailure) {
                while let event = try parser.next() {
                    switch event {
                    case .head(let head): open = ParsedRequest(HTTPRequestHead(head))
                    case .body(let bytes): open?.body += Array(bytes.readableBytesView)
                    case .end:
                        if let request = open { requests.append(request) }
                        open = nil
                    }
                }
            } catch {
                return (requests, error)
            }
        }
        return (requests, nil)
    }

    static func requests(_ text: String) -> (requests: [ParsedRequest], failure: HTTPRequestFailure?) {
        requests(in: [Array(text.utf8)])
    }

    private static let stream = [
        "POST /v1/encode/a%2Fb?x=1 HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Text: \t a b \t\r\nContent-Length: 5\r\n\r\nhello",
        "\r\nGET / HTTP/1.0\r\n\r\n",
        "PUT /c HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    ].joined()

    @Test("requests on a connection are told apart, whichever way their bodies end")
    func pipeline() throws {
        let (requests, failure) = Self.requests(Self.stream)
        #expect(failure == nil)
        #expect(requests.map(\.head.uri) == ["/v1/encode/a%2Fb?x=1", "/", "/c", "*"])
        #expect(requests.map(\.head.method) == [.POST, .GET, .PUT, .OPTIONS])
        #expect(requests.map { String(decoding: $0.body, as: UTF8.self) } == ["hello", "", "abc0123456789", ""])
        #expect(requests.first?.head.headers["x-text"] == ["a b"])
        #expect(requests.first?.head.headers["x-empty"] == [""])
    }

    @Test("a stream cut at every byte, and byte by byte, parses the same")
    func everySplit() {
        let bytes = Array(Self.stream.utf8)
        let whole = Self.requests(in: [bytes]).requests
        for cut in 1..<bytes.count {
            #expect(Self.requests(in: [Array(bytes[..<cut]), Array(bytes[cut...])]).requests == whole)
        }
        #expect(Self.requests(in: bytes.map { [$0] }).requests == whole)
    }

    @Test(
        "what two servers could read differently is refused",
        arguments: [
            // Two lengths, or a length and chunks.
            "content-length: 3\r\ncontent-length: 3\r\n", "content-length: 3\r\ncontent-length: 4\r\n",
            "content-length: 3\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
            // Lengths that are no plain number.
            "content-length: +3\r\n", "content-length: 3, 3\r\n", "content-length: 0x3\r\n", "content-length: -1\r\n",
            "content-length:\r\n", "content-length: 99999999999999999999\r\n", "content-length: 3 3\r\n",
            // Codings that are not ours, or are written so that only some see them.
            "transfer-encoding: gzip, chunked\r\n", "transfer-encoding: xchunked\r\n",
            "transfer-encoding: identity\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked, chunked\r\n",
            // Lines that only some see as lines or fields.
            "x: a\r\n folded\r\n", " x: a\r\n", "x : a\r\n", "x\t: a\r\n", "x: a\nb: c\r\n", "x: a\rb: c\r\n",
            ": a\r\n", "x\r\n",
            "x: a\0b\r\n", "x(y): a\r\n", "host: other\r\n", "tr\u{e9}: x\r\n",
        ])
    func ambiguities(fields: String) {
        let (requests, failure) = Self.requests("POST / HTTP/1.1\r\nhost: x\r\n\(fields)\r\nabc0\r\n\r\n")
        #expect(requests.isEmpty)
        #expect(failure == .malformed)
    }

    @Test(
        "lines that are no request line are refused",
        arguments: [
            "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / HTTP/2.0", "GET / HTTP/1.2",
            "GET / http/1.1", "GET /a b HTTP/1.1", "G@T / HTTP/1.1", "GET /\u{7f} HTTP/1.1", "GET\t/\tHTTP/1.1",
            "GET ?x HTTP/1.1", "GET * HTTP/1.1",
        ])
    func requestLines(line: String) {
        #expect(Self.requests("\(line)\r\nhost: x\r\n\r\n").failure == .malformed)
    }

    @Test(
        "lines must end with CRLF",
        arguments: [
            "GET / HTTP/1.1\nhost: x\n\n", "GET / HTTP/1.1\r\nhost: x\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\n",
        ])
    func bareLineFeeds(text: String) {
        #expect(Self.requests(text).failure == .malformed)
    }

    @Test(
        "chunks that could end elsewhere are refused",
        arguments: [
            "\r\n", "g\r\n", "-1\r\n", "0x1\r\na\r\n", "1 \r\na\r\n", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n0",
            "fffffffffffffffff\r\n", "1;\u{1}\r\na\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n\n",
        ])
    func chunks(body: String) {
        let head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        #expect(Self.requests(head + body).failure == .malformed)
    }

    @Test("HTTP/1.1 needs one host; HTTP/1.0 has no chunks")
    func versions() {
        #expect(Self.requests("GET / HTTP/1.1\r\n\r\n").failure == .malformed)
        #expect(Self.requests("GET / HTTP/1.0\r\nhost: x\r\nhost: x\r\n\r\n").failure == .malformed)
        #expect(Self.requests("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").failure == .malformed)
    }

    @Test("another protocol is recognised by its first byte; a head is not waited for")
    func otherProtocol() {
        #expect(Self.requests("\u{16}\u{3}\u{1}").failure == .malformed)
        #expect(Self.requests("GET / HTTP/1.1\nhost").failure == .malformed)
    }

    @Test("fields that are too long, too many, or together too large are refused as such")
    func limits() {
        var limits = HTTPRequestParser.Limits()
        limits.fieldBytes = 100
        limits.headBytes = 400
        limits.fieldCount = 5
        func failure(_ fields: String) -> HTTPRequestFailure? {
            Self.requests(in: [Array("GET / HTTP/1.1\r\nhost: x\r\n\(fields)\r\n".utf8)], limits: limits).failure
        }
        #expect(failure("x: \(String(repeating: "a", count: 90))\r\n") == nil)
        #expect(failure("x: \(String(repeating: "a", count: 100))\r\n") == .headersTooLarge)
        #expect(failure(String(repeating: "x: a\r\n", count: 4)) == nil)
        #expect(failure(String(repeating: "x: a\r\n", count: 5)) == .headersTooLarge)
        // Refused before its end has come.
        let endless = "GET / HTTP/1.1\r\n" + String(repeating: "x: \(String(repeating: "a", count: 50))\r\n", count: 8)
        #expect(Self.requests(in: [Array(endless.utf8)], limits: limits).failure == .headersTooLarge)
    }

    @Test(
        "a connection is kept as its version and its options say",
        arguments: [
            ("HTTP/1.1", "", true), ("HTTP/1.1", "connection: close\r\n", false),
            ("HTTP/1.1", "connection: x , CLOSE\r\n", false), ("HTTP/1.1", "connection: closed\r\n", true),
            ("HTTP/1.0", "", false), ("HTTP/1.0", "connection: Keep-Alive\r\n", true),
            ("HTTP/1.0", "connection: keep-alive\r\nconnection: close\r\n", false),
        ])
    func keepAlive(version: String, fields: String, keeps: Bool) throws {
        let head = try #require(RequestHead("GET / \(version)\r\nhost: x\r\n\(fields)"))
        #expect(head.keepsAlive == keeps)
    }

    @Test("fields are found whatever their case, the first of a name first")
    func look() throws {
        let head = try #require(RequestHead("GET /p HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n"))
        #expect(head.first("x-a") == "1")
        #expect(head.first("x-b") == nil)
        #expect(head.contains("host"))
        #expect(!head.contains("hos"))
        #expect(head.headers["x-a"] == ["1", "2"])
    }
}

/// A request as any parser may have found it.
struct ParsedRequest: Equatable {
    var head: HTTPRequestHead
    var body: [UInt8] = []

    init(_ head: HTTPRequestHead) { self.head = head }

    /// Field by field and byte by byte; NIO's heads compare more than what came.
    static func == (left: ParsedRequest, right: ParsedRequest) -> Bool {
        left.head.method == right.head.method && left.head.uri == right.head.uri
            && left.head.version == right.head.version && left.body == right.body
            && left.head.headers.map { [$0.name, $0.value] } == right.head.headers.map { [$0.name, $0.value] }
    }
}
