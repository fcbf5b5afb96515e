import NIOCore
import Operator
import TestSupport
import Testing

/// The messages of the external scaler, byte by byte; that a real client reads them alike is proven with `grpcio`.
@Suite("Messages of the scaler")
struct ScalerMessageTests {
    private func bytes(_ hexadecimal: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        var rest = hexadecimal.utf8[...].filter { $0 != UInt8(ascii: " ") }[...]
        while !rest.isEmpty {
            buffer.writeInteger(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return buffer
    }

    private static let reference = ScaledObjectRef(
        name: "so", namespace: "n", scalerMetadata: ["bundle": "default", "machineProfile": "l4"])

    @Test("a reference is read with its map, in any order, whatever else is in it")
    func reference() throws {
        // name "so", namespace "n", scalerMetadata {"bundle": "b"}.
        #expect(
            try ScaledObjectRef(bytes("0a 02 736f 12 01 6e 1a 0b 0a 06 62756e646c65 12 01 62"))
                == ScaledObjectRef(name: "so", namespace: "n", scalerMetadata: ["bundle": "b"]))
        // The map first, an unknown varint (field 9), fixed64 (10) and fixed32 (11), the name twice: the last counts.
        #expect(
            try ScaledObjectRef(
                bytes("1a 05 0a 01 6b 12 00 48 96 01 51 0000000000000000 5d 00000000 0a 01 78 0a 01 79"))
                == ScaledObjectRef(name: "y", namespace: "", scalerMetadata: ["k": ""]))
        #expect(try ScaledObjectRef(ByteBuffer()) == ScaledObjectRef())
    }

    @Test("answers have their numbers as integers and as doubles")
    func answers() {
        #expect(
            ScalerMetric.message([ScalerMetric("q", 10)]) == bytes("0a 0e 0a 01 71 10 0a 19 0000000000002440"))
        // What is zero is left out, as proto3 has it.
        #expect(ScalerMetric.message([ScalerMetric("q", 0)]) == bytes("0a 03 0a 01 71"))
        #expect(ScalerMetric.message(isActive: true) == bytes("08 01"))
        #expect(ScalerMetric.message(isActive: false) == ByteBuffer())
        #expect(ScalerMetric.message([]) == ByteBuffer())
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        let query = MetricsQuery(scaledObject: Self.reference, metricName: "sie_queue")
        #expect(try MetricsQuery(query.message) == query)
        #expect(try ScaledObjectRef(Self.reference.message) == Self.reference)
    }

    @Test("a message cut at any byte is refused or is a shorter message, and never more")
    func cuts() throws {
        let query = MetricsQuery(scaledObject: Self.reference, metricName: "sie_queue")
        let whole = query.message
        for length in 0..<whole.readableBytes {
            let cut = try #require(whole.getSlice(at: whole.readerIndex, length: length))
            guard let read = try? MetricsQuery(cut) else { continue }
            // Fields end somewhere: what is before the cut is right.
            #expect(read.metricName.isEmpty || read == query)
            #expect(
                read.scaledObject == query.scaledObject || read.scaledObject == ScaledObjectRef(), "cut at \(length)")
        }
    }

    @Test(
        "what is no message is refused",
        arguments: [
            ("0a", ProtobufReader.Malformed.truncated), ("0a 05 61", .truncated), ("08", .truncated),
            ("0a ffffffffffffffffff01", .truncated), ("08 ffffffffffffffffff02", .overlongInteger),
            ("08 ffffffffffffffffffff", .overlongInteger), ("00", .fieldNumber(0)), ("0b", .wireType(3)),
            ("0f", .wireType(7)), ("0a 01 ff", .text(field: 1)), ("08 01", .shape(field: 1)), ("49 00", .truncated),
            ("4d 00", .truncated), ("1a 01 0a", .truncated),
        ])
    func malformed(_ text: String, _ problem: ProtobufReader.Malformed) {
        #expect(throws: problem) { try ScaledObjectRef(bytes(text)) }
    }

    @Test("bytes by chance never do more than fail")
    func fuzz() {
        var generator = SeededGenerator(seed: 7)
        let whole = Array(MetricsQuery(scaledObject: Self.reference, metricName: "sie_queue").message.readableBytesView)
        for round in 0..<20_000 {
            var bytes = whole
            if round % 3 == 0 {
                bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            }
            guard let query = try? MetricsQuery(ByteBuffer(bytes: bytes)) else { continue }
            let size =
                query.metricName.utf8.count + query.scaledObject.scalerMetadata.reduce(0) { $0 + $1.key.utf8.count }
            #expect(size <= bytes.count)
        }
    }

    @Test("a trigger's metadata is bounded")
    func bounded() throws {
        let many = Dictionary((0..<1000).map { ("k\($0)", "v") }) { first, _ in first }
        #expect(try ScaledObjectRef(ScaledObjectRef(scalerMetadata: many).message).scalerMetadata.count == 256)
    }
}
