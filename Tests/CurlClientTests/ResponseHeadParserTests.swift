import CurlClient
import Testing

@Suite struct ResponseHeadParserTests {
    private func heads(_ lines: [String]) -> [CurlResponseHead] {
        var parser = ResponseHeadParser()
        return lines.compactMap { parser.add($0.utf8) }
    }

    @Test("a head is complete with its empty line and keeps its fields in order")
    func head() {
        let heads = heads(["HTTP/1.1 200 OK\r\n", "ETag: \"a\" \r\n", "x-empty:\r\n", "etag: b\r\n", "\r\n"])
        #expect(
            heads == [
                CurlResponseHead(
                    status: 200, headers: [.init("ETag", "\"a\""), .init("x-empty", ""), .init("etag", "b")])
            ])
        #expect(heads.first?["Etag"] == "\"a\"")
    }

    @Test("informational answers on the way leave nothing behind, and trailers are no head")
    func informational() {
        let lines = [
            "HTTP/1.1 100 Continue\r\n", "a: 1\r\n", "\r\n", "HTTP/2 404 \r\n", "b: 2\r\n", "\r\n", "c: 3\r\n", "\r\n",
        ]
        #expect(heads(lines) == [CurlResponseHead(status: 404, headers: [.init("b", "2")])])
    }

    @Test("a line without a colon is ignored")
    func malformed() {
        #expect(heads(["HTTP/1.1 204\r\n", "nonsense\r\n", "\r\n"]) == [CurlResponseHead(status: 204)])
    }
}
