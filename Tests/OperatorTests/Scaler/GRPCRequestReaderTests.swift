import NIOCore
import Operator
import Testing

@Suite("Requests of gRPC")
struct GRPCRequestReaderTests {
    private let message = ByteBuffer(bytes: [1, 2, 3, 4, 5, 6, 7])

    private func begun(_ path: String = "/s/m") throws -> GRPCRequestReader {
        var reader = GRPCRequestReader()
        try reader.begin(method: "POST", path: path, contentType: "application/grpc", encoding: nil)
        return reader
    }

    @Test("a request cut at every byte reads the same")
    func cuts() throws {
        let frame = GRPCRequestReader.framed(message)
        for cut in 0...frame.readableBytes {
            var reader = try begun()
            try reader.read(try #require(frame.getSlice(at: 0, length: cut)))
            try reader.read(try #require(frame.getSlice(at: cut, length: frame.readableBytes - cut)))
            #expect(try reader.end() == .init(path: "/s/m", message: message))
        }
    }

    @Test("a request without its whole message is refused")
    func truncated() throws {
        let frame = GRPCRequestReader.framed(message)
        for length in 0..<frame.readableBytes {
            var reader = try begun()
            try reader.read(try #require(frame.getSlice(at: 0, length: length)))
            #expect(throws: GRPCStatus.self) { try reader.end() }
        }
        var twice = try begun()
        try twice.read(frame)
        try twice.read(frame)
        #expect(throws: GRPCStatus.self) { try twice.end() }
    }

    @Test(
        "what is no gRPC is answered in HTTP's words",
        arguments: [
            ("GET", "application/grpc", 405), ("POST", "application/json", 415), ("POST", "application/grpcx", 415),
            ("POST", "", 415), ("POST", "application/grp", 415),
        ])
    func notGRPC(_ method: String, _ type: String, _ status: Int) {
        var reader = GRPCRequestReader()
        #expect(throws: GRPCRequestReader.NotGRPC(httpStatus: status)) {
            try reader.begin(method: method, path: "/s/m", contentType: type, encoding: nil)
        }
    }

    @Test(
        "all spellings of the type are taken",
        arguments: ["application/grpc", "application/grpc+proto", "application/grpc;x=y"])
    func types(_ type: String) throws {
        var reader = GRPCRequestReader()
        try reader.begin(method: "POST", path: "/s/m", contentType: type, encoding: "identity")
        try reader.read(GRPCRequestReader.framed(ByteBuffer()))
        #expect(try reader.end().message.readableBytes == 0)
    }

    @Test("compressed messages are not understood, and said so")
    func compressed() throws {
        var reader = GRPCRequestReader()
        let unimplemented = GRPCStatus(.unimplemented, "messages in gzip are not understood")
        #expect(throws: unimplemented) {
            try reader.begin(method: "POST", path: "/s/m", contentType: "application/grpc", encoding: "gzip")
        }
        var flagged = try begun()
        try flagged.read(ByteBuffer(bytes: [1, 0, 0, 0, 0]))
        #expect(throws: GRPCStatus(.unimplemented, "compressed messages are not understood")) { try flagged.end() }
    }

    @Test("no more is kept than a message may have, whatever its length says")
    func limit() throws {
        var reader = try begun()
        let piece = ByteBuffer(repeating: 0, count: GRPCRequestReader.longestMessage)
        try reader.read(piece)
        #expect(throws: GRPCStatus.self) { try reader.read(ByteBuffer(repeating: 0, count: 6)) }
        var liar = try begun()
        try liar.read(ByteBuffer(bytes: [0, 0xff, 0xff, 0xff, 0xff, 1]))
        #expect(throws: GRPCStatus.self) { try liar.end() }
    }

    @Test("a message of a status is ASCII on the wire")
    func percent() {
        #expect(GRPCStatus(.unavailable, "50% für\n").headerMessage == "50%25 f%C3%BCr%0A")
    }
}
