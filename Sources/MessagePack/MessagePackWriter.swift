/// Appends MessagePack to one growing buffer, always in the smallest wire form.
public struct MessagePackWriter {
    /// What has been written.
    public private(set) var bytes: [UInt8]

    public init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public var count: Int { bytes.count }

    /// Forgets what was written and keeps the storage.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    public mutating func writeNil() { bytes.append(0xc0) }

    public mutating func write(_ value: Bool) { bytes.append(value ? 0xc3 : 0xc2) }

    public mutating func write(_ value: Int) {
        if value >= 0 { return write(UInt64(value)) }
        switch value {
        case -32..<0: bytes.append(UInt8(truncatingIfNeeded: value))
        case Int(Int8.min)..<(-32): tagged(0xd0, UInt8(truncatingIfNeeded: value))
        case Int(Int16.min)..<Int(Int8.min): tagged(0xd1, UInt16(truncatingIfNeeded: value))
        case Int(Int32.min)..<Int(Int16.min): tagged(0xd2, UInt32(truncatingIfNeeded: value))
        default: tagged(0xd3, UInt64(bitPattern: Int64(value)))
        }
    }

    public mutating func write(_ value: UInt64) {
        switch value {
        case 0...0x7f: bytes.append(UInt8(value))
        case 0x80...0xff: tagged(0xcc, UInt8(value))
        case 0x100...0xffff: tagged(0xcd, UInt16(value))
        case 0x1_0000...0xffff_ffff: tagged(0xce, UInt32(value))
        default: tagged(0xcf, value)
        }
    }

    public mutating func write(_ value: Double) { tagged(0xcb, value.bitPattern) }

    public mutating func write(_ value: Float) { tagged(0xca, value.bitPattern) }

    public mutating func write(_ value: String) {
        var value = value
        value.withUTF8 { writeString(UnsafeRawBufferPointer($0)) }
    }

    public mutating func write(_ value: StaticString) {
        value.withUTF8Buffer { writeString(UnsafeRawBufferPointer($0)) }
    }

    /// A string given as UTF-8; the caller vouches for the encoding.
    public mutating func writeString(_ utf8: UnsafeRawBufferPointer) {
        writeStringHeader(count: utf8.count)
        bytes.append(contentsOf: utf8)
    }

    /// The header of a string whose `count` bytes of UTF-8 the caller appends with `writeRaw`.
    public mutating func writeStringHeader(count: Int) {
        switch count {
        case 0..<32: bytes.append(0xa0 | UInt8(count))
        case 32..<0x100: tagged(0xd9, UInt8(count))
        case 0x100..<0x1_0000: tagged(0xda, UInt16(count))
        default: tagged(0xdb, UInt32(count))
        }
    }

    public mutating func writeBinary(_ data: UnsafeRawBufferPointer) {
        writeBinaryHeader(count: data.count)
        bytes.append(contentsOf: data)
    }

    public mutating func writeBinary(_ data: [UInt8]) {
        data.withUnsafeBytes { writeBinary($0) }
    }

    /// The header of a binary whose `count` bytes the caller appends with `writeRaw`.
    public mutating func writeBinaryHeader(count: Int) {
        switch count {
        case 0..<0x100: tagged(0xc4, UInt8(count))
        case 0x100..<0x1_0000: tagged(0xc5, UInt16(count))
        default: tagged(0xc6, UInt32(count))
        }
    }

    public mutating func writeArrayHeader(_ count: Int) {
        switch count {
        case 0..<16: bytes.append(0x90 | UInt8(count))
        case 16..<0x1_0000: tagged(0xdc, UInt16(count))
        default: tagged(0xdd, UInt32(count))
        }
    }

    public mutating func writeMapHeader(_ count: Int) {
        switch count {
        case 0..<16: bytes.append(0x80 | UInt8(count))
        case 16..<0x1_0000: tagged(0xde, UInt16(count))
        default: tagged(0xdf, UInt32(count))
        }
    }

    public mutating func writeExtension(type: Int8, data: [UInt8]) {
        switch data.count {
        case 1, 2, 4, 8, 16: bytes.append(0xd4 + UInt8(data.count.trailingZeroBitCount))
        case 0..<0x100: tagged(0xc7, UInt8(data.count))
        case 0x100..<0x1_0000: tagged(0xc8, UInt16(data.count))
        default: tagged(0xc9, UInt32(data.count))
        }
        bytes.append(UInt8(bitPattern: type))
        bytes.append(contentsOf: data)
    }

    /// Bytes that already are MessagePack, such as a value sliced from another message.
    public mutating func writeRaw(_ raw: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: raw)
    }

    public mutating func writeRaw(_ raw: [UInt8]) {
        raw.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    public mutating func write(_ value: MessagePackValue) {
        switch value {
        case .nil: writeNil()
        case .bool(let value): write(value)
        case .int(let value): write(Int(value))
        case .uint(let value): write(value)
        case .float(let value): write(value)
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .binary(let value): writeBinary(value)
        case .array(let elements):
            writeArrayHeader(elements.count)
            for element in elements { write(element) }
        case .map(let pairs):
            writeMapHeader(pairs.count)
            for pair in pairs {
                write(pair.key)
                write(pair.value)
            }
        case .ext(let type, let data): writeExtension(type: type, data: data)
        }
    }

    /// The bytes of one value.
    public static func encode(_ value: MessagePackValue) -> [UInt8] {
        var writer = MessagePackWriter()
        writer.write(value)
        return writer.bytes
    }

    private mutating func tagged<T: FixedWidthInteger>(_ tag: UInt8, _ value: T) {
        bytes.append(tag)
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
