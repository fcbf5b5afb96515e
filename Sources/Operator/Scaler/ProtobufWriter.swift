import NIOCore

/// Writes the wire format of Protocol Buffers. As proto3 has it, fields that are at their default are left out.
package struct ProtobufWriter {
    package private(set) var buffer: ByteBuffer

    package init(_ buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    package mutating func write(_ field: Int, _ text: String) {
        guard !text.utf8.isEmpty else { return }
        key(field, 2)
        varint(UInt64(text.utf8.count))
        buffer.writeString(text)
    }

    package mutating func write(_ field: Int, _ flag: Bool) {
        guard flag else { return }
        key(field, 0)
        varint(1)
    }

    /// An `int64`: negative numbers take ten bytes.
    package mutating func write(_ field: Int, _ number: Int64) {
        guard number != 0 else { return }
        key(field, 0)
        varint(UInt64(bitPattern: number))
    }

    package mutating func write(_ field: Int, _ number: Double) {
        // The default is the zero without a sign.
        guard number.bitPattern != 0 else { return }
        key(field, 1)
        buffer.writeInteger(number.bitPattern, endianness: .little)
    }

    /// A message within the message; it counts even where it is empty.
    package mutating func write(_ field: Int, _ message: ByteBuffer) {
        key(field, 2)
        varint(UInt64(message.readableBytes))
        buffer.writeImmutableBuffer(message)
    }

    private mutating func key(_ field: Int, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

    private mutating func varint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(rest))
    }
}
