import MessagePack
import TestSupport
import Testing

@Suite("MessagePack from hostile senders")
struct HostileInputTests {
    private func failure(_ hex: String) -> MessagePackError.Reason? {
        guard let bytes = Hex.bytes(hex) else { return nil }
        do throws(MessagePackError) {
            _ = try MessagePackReader.decode(bytes)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(
        "a length beyond the input is an error before anything is allocated",
        arguments: [
            "ddffffffff", "dfffffffff", "dbffffffff61", "c6ffffffff61", "c9ffffffff0161", "dc0010c0", "de0001c0",
            "c402ff",
        ])
    func announcedLengths(hex: String) {
        #expect(failure(hex) == .truncated)
    }

    @Test("the reserved byte is an error")
    func reservedByte() {
        #expect(failure("c1") == .reservedByte)
    }

    @Test("a string that is not UTF-8 is an error")
    func invalidUTF8() {
        #expect(failure("a2c328") == .invalidUTF8)
    }

    @Test("bytes after the value are an error")
    func trailingBytes() {
        #expect(failure("c0c0") == .trailingBytes)
    }

    @Test("nesting beyond the limit is an error for decoding and for skipping")
    func deepNesting() {
        let bytes = [UInt8](repeating: 0x91, count: 1_000_000) + [0xc0]
        #expect(throws: MessagePackError.self) { try MessagePackReader.decode(bytes) }
        bytes.withUnsafeBytes { buffer in
            var reader = MessagePackReader(buffer)
            do throws(MessagePackError) {
                try reader.skip()
                Issue.record("skipped")
            } catch {
                #expect(error == MessagePackError(.tooDeep, offset: 64))
            }
        }
    }

    @Test("a message cut at any byte is an error and never a crash")
    func everyTruncation() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<60 {
            let bytes = MessagePackWriter.encode(.random(using: &generator))
            for end in 0..<min(bytes.count, 400) {
                #expect(throws: MessagePackError.self) { try MessagePackReader.decode(Array(bytes[..<end])) }
            }
        }
    }

    @Test("random and mutated bytes decode or fail, and skip agrees with decode on where a value ends")
    func fuzz() {
        var generator = SeededGenerator(seed: 5)
        for round in 0..<100_000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 1..<40, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            } else {
                bytes = MessagePackWriter.encode(["a": 1, "b": [true, nil, 2.5], "text": "hello"])
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes.withUnsafeBytes { buffer in
                var decoder = MessagePackReader(buffer)
                var skipper = MessagePackReader(buffer)
                let decoded = try? decoder.readValue()
                let skipped: Void? = try? skipper.skip()
                if decoded != nil {
                    #expect(skipped != nil && skipper.offset == decoder.offset)
                }
            }
        }
    }

    @Test("an error names the byte at which it lies")
    func offsets() {
        #expect(throws: MessagePackError(.reservedByte, offset: 2)) {
            try MessagePackReader.decode([0x92, 0xc0, 0xc1])
        }
    }
}
