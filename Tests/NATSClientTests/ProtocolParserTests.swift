import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("The protocol parser")
struct ProtocolParserTests {
    /// A stream with every operation, and the text of what must come out of it.
    private static let stream =
        "INFO {\"server_id\":\"A\",\"version\":\"2.9.10\",\"max_payload\":1048576,\"headers\":true}\r\n"
        + "PING\r\nPONG\r\n+OK\r\n-ERR 'Permissions Violation for Publish to \"x\"'\r\n"
        + "MSG a.b 7 5\r\nhello\r\n" + "MSG a.b 8 re.ply 0\r\n\r\n"
        + "MSG \t a.b  9   re.ply\t11 \r\nhel\r\nlo\r\nPI\r\n"
        + "HMSG h 10 12 15\r\nNATS/1.0\r\n\r\nabc\r\n"
    private static let expected = [
        "info 2.9.10 1048576", "ping", "pong", "ok", "error Permissions Violation for Publish to \"x\"",
        "7 a.b - [] hello", "8 a.b re.ply [] ", "9 a.b re.ply [] hel\r\nlo\r\nPI",
        "10 h - [] abc",
    ]

    private static func describe(_ operation: ServerOperation) -> String {
        switch operation {
        case .info(let info): "info \(info.version) \(info.maxPayloadBytes)"
        case .ping: "ping"
        case .pong: "pong"
        case .ok: "ok"
        case .error(let text): "error \(text)"
        case .message(let id, let message):
            "\(id) \(message.subject) \(message.reply ?? "-") "
                + "\(message.headers.entries.map { "\($0.name)=\($0.value)" }) \(String(buffer: message.payload))"
        }
    }

    /// Every operation of a stream fed in pieces.
    private static func parse(_ pieces: [[UInt8]], maxMessageBytes: Int = 1 << 20) throws -> [String] {
        var parser = ProtocolParser(maxMessageBytes: maxMessageBytes)
        var operations: [String] = []
        for piece in pieces {
            parser.feed(ByteBuffer(bytes: piece))
            while let operation = try parser.next() { operations.append(describe(operation)) }
        }
        return operations
    }

    private static let bytes: [UInt8] = {
        // The sizes of the last message are easier counted by machine.
        let block = "NATS/1.0\r\nA: b\r\nC:d\r\n\r\n"
        let last = "HMSG h 11 r \(block.utf8.count) \(block.utf8.count + 2)\r\n\(block)xy\r\nPING\r\n"
        return Array((stream + last).utf8)
    }()
    private static let whole = expected + ["11 h r [\"A=b\", \"C=d\"] xy", "ping"]

    @Test("a stream in one piece gives every operation")
    func onePiece() throws {
        #expect(try Self.parse([Self.bytes]) == Self.whole)
    }

    @Test("a stream cut at every byte parses the same")
    func everySplitPoint() throws {
        for cut in 0...Self.bytes.count {
            #expect(
                try Self.parse([Array(Self.bytes[..<cut]), Array(Self.bytes[cut...])]) == Self.whole, "cut at \(cut)")
        }
    }

    @Test("a stream that comes byte by byte, or in threes, parses the same")
    func smallPieces() throws {
        for size in [1, 2, 3, 7, 64] {
            let pieces = stride(from: 0, to: Self.bytes.count, by: size).map {
                Array(Self.bytes[$0..<min($0 + size, Self.bytes.count)])
            }
            #expect(try Self.parse(pieces) == Self.whole, "pieces of \(size)")
        }
    }

    @Test("status lines give their code and description")
    func status() throws {
        for (line, code, description) in [
            ("NATS/1.0 503", 503, ""), ("NATS/1.0 408 Request Timeout", 408, "Request Timeout"),
            ("NATS/1.0 100 Idle Heartbeat", 100, "Idle Heartbeat"),
        ] {
            let block = "\(line)\r\nNats-Pending-Messages: 7\r\n\r\n"
            var parser = ProtocolParser(maxMessageBytes: 1024)
            parser.feed(ByteBuffer(string: "HMSG s 1 \(block.utf8.count) \(block.utf8.count)\r\n\(block)\r\n"))
            guard case .message(_, let message) = try parser.next() else {
                Issue.record("no message for \(line)")
                continue
            }
            #expect(message.status == code)
            #expect(message.statusDescription == description)
            #expect(message.headers["Nats-Pending-Messages"] == "7")
            #expect(message.payloadSizeBytes == 0)
        }
    }

    @Test(
        "what is not the protocol is refused, not guessed at",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "PINGX\r\n", "MSG\r\n", "MSG a 1\r\n", "MSG a 1 b 2 c\r\n",
            "MSG a x 1\r\nx\r\n",
            "MSG a 1 -1\r\n", "MSG a 1 9999999999\r\n", "MSG a 1 1x\r\n", "MSG a 1 1\r\nxyz\r\n", "HMSG a 1 5 4\r\n",
            "HMSG a 1 12\r\n", "MSG a 1 2000\r\n", "INFO {not json}\r\n", "\u{0}",
            "MSG a 18446744073709551616 1\r\nx\r\n",
            "SUB x 1\r\n",
        ])
    func garbage(text: String) {
        #expect(throws: NATSError.self) { try Self.parse([Array(text.utf8)], maxMessageBytes: 1024) }
    }

    @Test("a line without an end is refused before it fills the memory")
    func endlessLine() {
        var parser = ProtocolParser(maxMessageBytes: 1024)
        #expect(throws: NATSError.self) {
            parser.feed(ByteBuffer(string: "INFO "))
            for _ in 0..<20 {
                parser.feed(ByteBuffer(repeating: UInt8(ascii: "x"), count: 100_000))
                _ = try parser.next()
            }
        }
    }

    @Test("random bytes and damaged streams never crash the parser", arguments: 0..<20)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var bytes = Self.bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(.random(in: 0...255, using: &random), at: index)
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let operations = try? Self.parse([Array(bytes[..<cut]), Array(bytes[cut...])], maxMessageBytes: 4096)
            // A stream has at most one operation a line.
            #expect((operations?.count ?? 0) <= bytes.count)
            let noise = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = try? Self.parse([noise], maxMessageBytes: 4096)
        }
    }
}
