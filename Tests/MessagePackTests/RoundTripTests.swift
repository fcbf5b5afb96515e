import CMsgPack
import MessagePack
import TestSupport
import Testing

@Suite("MessagePack round trips")
struct RoundTripTests {
    @Test("random values come back as they were written")
    func randomValues() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let value = MessagePackValue.random(using: &generator)
            #expect(try MessagePackReader.decode(MessagePackWriter.encode(value)) == value)
        }
    }

    @Test("random values have the bytes libmsgpack writes for them")
    func libmsgpackWritesTheSame() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            let value = MessagePackValue.random(using: &generator)
            #expect(MessagePackWriter.encode(value) == CPacker.encode(value))
        }
    }

    @Test("libmsgpack reads every message to its end")
    func libmsgpackReads() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let bytes = MessagePackWriter.encode(.random(using: &generator))
            #expect(CPacker.unpackedLength(bytes) == bytes.count)
        }
    }

    @Test(
        "integers take the smallest wire form",
        arguments: [
            (0, "00"), (127, "7f"), (128, "cc80"), (255, "ccff"), (256, "cd0100"), (65535, "cdffff"),
            (65536, "ce00010000"),
            (4_294_967_296, "cf0000000100000000"), (-1, "ff"), (-32, "e0"), (-33, "d0df"), (-128, "d080"),
            (-129, "d1ff7f"), (-32769, "d2ffff7fff"), (-2_147_483_649, "d3ffffffff7fffffff"),
        ])
    func smallestIntegers(value: Int, hex: String) {
        var writer = MessagePackWriter()
        writer.write(value)
        #expect(Hex.text(writer.bytes) == hex)
    }

    @Test("an integer field is read from any integer width")
    func anyWidth() throws {
        for hex in [
            "05", "cc05", "cd0005", "ce00000005", "cf0000000000000005", "d005", "d10005", "d200000005",
            "d30000000000000005",
        ] {
            let bytes = try #require(Hex.bytes(hex))
            try bytes.withUnsafeBytes { buffer in
                var reader = MessagePackReader(buffer)
                let value = try reader.readInt()
                #expect(value == 5 && reader.isAtEnd)
            }
        }
    }

    @Test("a value is sliced out of a message without being decoded")
    func rawValues() throws {
        let inner: MessagePackValue = ["text": "hello", "n": [1, 2, [3]]]
        let bytes = MessagePackWriter.encode([inner, "next"])
        try bytes.withUnsafeBytes { buffer in
            var reader = MessagePackReader(buffer)
            let count = try reader.readArrayHeader()
            let raw = [UInt8](try reader.readRawValue())
            let next = try reader.readString()
            #expect(count == 2 && raw == MessagePackWriter.encode(inner) && next == "next")
        }
    }
}

/// The C library as an independent writer and reader.
enum CPacker {
    static func encode(_ value: MessagePackValue) -> [UInt8] {
        var buffer = msgpack_sbuffer()
        msgpack_sbuffer_init(&buffer)
        defer { msgpack_sbuffer_destroy(&buffer) }
        var packer = msgpack_packer()
        withUnsafeMutablePointer(to: &buffer) { pointer in
            msgpack_packer_init(&packer, pointer, msgpack_sbuffer_write)
            pack(value, &packer)
        }
        return [UInt8](UnsafeRawBufferPointer(start: buffer.data, count: buffer.size))
    }

    static func unpackedLength(_ bytes: [UInt8]) -> Int {
        var unpacked = msgpack_unpacked()
        msgpack_unpacked_init(&unpacked)
        defer { msgpack_unpacked_destroy(&unpacked) }
        var offset = 0
        bytes.withUnsafeBytes { buffer in
            _ = msgpack_unpack_next(
                &unpacked, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, &offset)
        }
        return offset
    }

    private static func pack(_ value: MessagePackValue, _ packer: inout msgpack_packer) {
        switch value {
        case .nil: msgpack_pack_nil(&packer)
        case .bool(let value): _ = value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer)
        case .int(let value): msgpack_pack_int64(&packer, value)
        case .uint(let value): msgpack_pack_uint64(&packer, value)
        case .float(let value): msgpack_pack_float(&packer, value)
        case .double(let value): msgpack_pack_double(&packer, value)
        case .string(let value):
            let utf8 = Array(value.utf8)
            msgpack_pack_str(&packer, utf8.count)
            msgpack_pack_str_body(&packer, utf8, utf8.count)
        case .binary(let value):
            msgpack_pack_bin(&packer, value.count)
            msgpack_pack_bin_body(&packer, value, value.count)
        case .array(let elements):
            msgpack_pack_array(&packer, elements.count)
            for element in elements { pack(element, &packer) }
        case .map(let pairs):
            msgpack_pack_map(&packer, pairs.count)
            for pair in pairs {
                pack(pair.key, &packer)
                pack(pair.value, &packer)
            }
        case .ext(let type, let data):
            msgpack_pack_ext(&packer, data.count, type)
            msgpack_pack_ext_body(&packer, data, data.count)
        }
    }
}
