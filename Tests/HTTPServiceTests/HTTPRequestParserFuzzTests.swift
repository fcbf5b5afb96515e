import HTTPService
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

/// Our parser beside NIO's, which is llhttp: what ours takes, the other must take and understand alike. Two readings of
/// the same bytes are what request smuggling needs.
@Suite("HTTP request parser beside llhttp", .timeLimit(.minutes(1)))
struct HTTPRequestParserFuzzTests {
    private static let seeds = [
        "POST /v1/encode/org/m?x=1 HTTP/1.1\r\nHost: x\r\nX-A: b c\r\nContent-Length: 5\r\n\r\nhello",
        "GET /path HTTP/1.1\r\nhost: a.b:80\r\nconnection: close\r\naccept: */*\r\n\r\n",
        "POST /c HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;e=1\r\n01234\r\n0\r\nt: 1\r\n\r\n",
        "DELETE /d HTTP/1.0\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok",
    ]
    /// What mutations insert: the bytes that parsers disagree about.
    private static let fragments = [
        "\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "\0", "0", "\r\n\r\n", "content-length: 1\r\n",
        "transfer-encoding: chunked\r\n", "Content-Length", "chunked", "\r\n ", "host: y\r\n", "\u{b}", "%", "#",
        "\u{80}",
    ]

    private static func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1 where bytes.count > 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: bytes[index...].prefix(Int.random(in: 1...24, using: &random)), at: index)
            default:
                bytes.insert(contentsOf: (fragments.randomElement(using: &random) ?? "").utf8, at: index)
            }
        }
        return bytes
    }

    /// The first request that NIO finds, if it is whole.
    private static func reference(_ bytes: [UInt8]) -> ParsedRequest? {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        do {
            try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            // It may have found the first request before what it does not understand.
        }
        var request: ParsedRequest?
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head): request = ParsedRequest(withoutBlanks(head))
            case .body(let buffer): request?.body += Array(buffer.readableBytesView)
            case .end: return request
            }
        }
        return nil
    }

    /// llhttp leaves the blanks behind a field's value there; RFC 9112, 5.1 takes them for none of it.
    private static func withoutBlanks(_ head: HTTPRequestHead) -> HTTPRequestHead {
        var head = head
        head.headers = HTTPHeaders(
            head.headers.map { name, value in
                (
                    name,
                    String(decoding: value.utf8.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed(), as: UTF8.self)
                )
            })
        return head
    }

    private static func endsLineWithTab(_ bytes: [UInt8]) -> Bool {
        zip(bytes, bytes.dropFirst()).contains { $0 == 0x09 && $1 == 0x0d }
    }

    @Test("30,000 damaged requests: each that we take is read alike by llhttp")
    func agreement() {
        var random = SeededGenerator(seed: 20_260_207)
        var taken = 0
        var disagreements = 0
        for _ in 0..<30_000 where disagreements < 5 {
            let bytes = Self.mutated(&random)
            guard let ours = HTTPRequestParserTests.requests(in: [bytes]).requests.first else { continue }
            // llhttp knows a list of methods and stops at others; it also reads targets more closely than RFC 9112.
            guard HTTPMethod.knownToLLHTTP.contains(ours.head.method.rawValue), ours.head.uri.first == "/" else {
                continue
            }
            // A tab behind a length is a blank to RFC 9112 and an error to llhttp.
            guard !Self.endsLineWithTab(bytes) else { continue }
            let reference = Self.reference(bytes)
            #expect(reference == ours, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            if reference != ours { disagreements += 1 }
            taken += 1
        }
        // The mutations must leave enough to compare.
        #expect(taken > 5_000 || disagreements > 0)
    }

    @Test("damaged requests parse the same whole and in two parts")
    func splits() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<10_000 {
            let bytes = Self.mutated(&random)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = HTTPRequestParserTests.requests(in: [bytes])
            let parts = HTTPRequestParserTests.requests(in: [Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(whole.requests == parts.requests && whole.failure == parts.failure)
        }
    }
}

extension HTTPMethod {
    fileprivate static let knownToLLHTTP: Set = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]
}
