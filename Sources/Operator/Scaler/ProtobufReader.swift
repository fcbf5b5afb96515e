import NIOCore

/// Reads the wire format of Protocol Buffers: fields in any order, each with a number and one of four shapes
/// (https://protobuf.dev/programming-guides/encoding).
///
/// The scaler's five messages have texts, booleans, integers, doubles and one map: some hundred lines of reader and writer
/// stand for them, in the place of a code generator and a runtime.
package struct ProtobufReader {
    /// A field as it stands in the message; what it means is the message's affair.
    package enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(ByteBuffer)
        case fixed32(UInt32)
    }

    /// What is wrong with a message.
    package enum Malformed: Error, Hashable {
        /// It ends within a field.
        case truncated
        /// An integer of more than ten bytes.
        case overlongInteger
        /// A field number that is none.
        case fieldNumber(UInt64)
        /// A shape that no message of these has: groups, which are long gone, and what never was.
        case wireType(UInt8)
        /// A text that is no UTF-8.
        case text(field: Int)
        /// A field of another shape than the message has it in.
        case shape(field: Int)
    }

    private var buffer: ByteBuffer

    package init(_ buffer: ByteBuffer) { self.buffer = buffer }

    /// The next field; nil at the end of the message.
    package mutating func next() throws(Malformed) -> (number: Int, value: Value)? {
        guard buffer.readableBytes > 0 else { return nil }
        let key = try varint()
        let number = key >> 3
        guard number > 0, number <= 0x1fff_ffff else { throw .fieldNumber(number) }
        return (Int(number), try value(wireType: UInt8(key & 7)))
    }

    private mutating func value(wireType: UInt8) throws(Malformed) -> Value {
        switch wireType {
        case 0: return .varint(try varint())
        case 1:
            guard let number = buffer.readInteger(endianness: .little, as: UInt64.self) else { throw .truncated }
            return .fixed64(number)
        case 2:
            let length = try varint()
            // No more than there is, whatever the message says.
            guard length <= UInt64(buffer.readableBytes), let bytes = buffer.readSlice(length: Int(length)) else {
                throw .truncated
            }
            return .bytes(bytes)
        case 5:
            guard let number = buffer.readInteger(endianness: .little, as: UInt32.self) else { throw .truncated }
            return .fixed32(number)
        default: throw .wireType(wireType)
        }
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = buffer.readInteger(as: UInt8.self) else { throw .truncated }
            // The tenth byte has room for one bit.
            guard shift < 63 || byte <= 1 else { throw .overlongInteger }
            number |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return number }
        }
        throw .overlongInteger
    }
}

extension ProtobufReader.Value {
    /// The text of a field.
    func text(field: Int) throws(ProtobufReader.Malformed) -> String {
        let buffer = try bytes(field: field)
        guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else {
            throw .text(field: field)
        }
        return text
    }

    /// The message of a field.
    func bytes(field: Int) throws(ProtobufReader.Malformed) -> ByteBuffer {
        guard case .bytes(let buffer) = self else { throw .shape(field: field) }
        return buffer
    }
}
