import CurlClient
import Testing

@Suite struct TransferBufferTests {
    private func receive(
        _ text: String, _ buffer: inout TransferBuffer<String>
    ) -> (isTaken: Bool, wakes: (String, TransferElement)?) {
        Array(text.utf8).withUnsafeBytes { buffer.receive($0) }
    }

    @Test("a reader gets the head, then all bytes so far at once, then the end again and again")
    func order() {
        var buffer = TransferBuffer<String>(capacity: 100)
        _ = buffer.receive(headerLine: "HTTP/1.1 200\r\n".utf8)
        #expect(buffer.receive(headerLine: "\r\n".utf8) == nil)
        #expect(receive("ab", &buffer).isTaken)
        #expect(receive("c", &buffer).isTaken)
        #expect(buffer.finish(nil) == nil)
        #expect(buffer.read("r").element == .head(CurlResponseHead(status: 200)))
        #expect(buffer.read("r").element == .bytes(Array("abc".utf8)))
        #expect(buffer.read("r").element == .end)
        #expect(buffer.read("r").element == .end)
    }

    @Test("a reader that waits is woken by what comes first")
    func waiting() {
        var buffer = TransferBuffer<String>(capacity: 100)
        #expect(buffer.read("r").element == nil)
        _ = buffer.receive(headerLine: "HTTP/1.1 200\r\n".utf8)
        #expect(buffer.receive(headerLine: "\r\n".utf8)?.1 == .head(CurlResponseHead(status: 200)))
        #expect(buffer.read("s").element == nil)
        let received = receive("ab", &buffer)
        #expect(received.isTaken)
        #expect(received.wakes?.0 == "s")
        #expect(received.wakes?.1 == .bytes(Array("ab".utf8)))
        #expect(buffer.read("t").element == nil)
        #expect(buffer.finish(.cancelled)?.1 == .failure(.cancelled))
    }

    @Test("a transfer pauses when its reader is behind, and resumes when the reader has caught up")
    func backPressure() {
        var buffer = TransferBuffer<String>(capacity: 4)
        #expect(receive("abcd", &buffer).isTaken)
        #expect(!receive("e", &buffer).isTaken)
        let reading = buffer.read("r")
        #expect(reading.element == .bytes(Array("abcd".utf8)))
        #expect(reading.resumesTransfer)
        #expect(receive("e", &buffer).isTaken)
        #expect(!buffer.read("r").resumesTransfer)
    }

    @Test("only the first end counts, and bytes after it are dropped")
    func end() {
        var buffer = TransferBuffer<String>(capacity: 4)
        #expect(buffer.finish(.timedOut("t")) == nil)
        #expect(buffer.finish(nil) == nil)
        #expect(receive("abcdefgh", &buffer).isTaken)
        #expect(buffer.read("r").element == .failure(.timedOut("t")))
    }
}
