/// A cursor over one MessagePack input. It copies nothing it is not asked to copy, checks every announced length
/// against the bytes that are left before anything is allocated, and says at which byte an error lies.
///
/// The reader borrows the bytes: use it only while the buffer it was made from is valid.
public struct MessagePackReader {
    let base: UnsafeRawBufferPointer
    /// Offset of the next byte to read.
    public internal(set) var offset: Int
    let limits: MessagePackLimits

    public init(_ bytes: UnsafeRawBufferPointer, limits: MessagePackLimits = .default) {
        base = bytes
        offset = 0
        self.limits = limits
    }

    /// Whether all bytes have been read.
    public var isAtEnd: Bool { offset >= base.count }

    /// Bytes not read yet.
    public var remaining: Int { base.count - offset }

    /// What kind of value comes next, without reading it.
    public func peek() throws(MessagePackError) -> MessagePackType {
        guard offset < base.count else { throw MessagePackError(.truncated, offset: offset) }
        return try MessagePackType(lead: base[offset], offset: offset)
    }

    /// Throws unless everything has been read.
    public func expectEnd() throws(MessagePackError) {
        if !isAtEnd { throw MessagePackError(.trailingBytes, offset: offset) }
    }

    // MARK: Scalars

    /// Reads a nil if one is next; otherwise leaves the cursor where it is.
    public mutating func readNilIfPresent() throws(MessagePackError) -> Bool {
        guard try peek() == .nil else { return false }
        offset += 1
        return true
    }

    public mutating func readBool() throws(MessagePackError) -> Bool {
        guard offset < base.count else { throw MessagePackError(.truncated, offset: offset) }
        switch base[offset] {
        case 0xc2:
            offset += 1
            return false
        case 0xc3:
            offset += 1
            return true
        default: throw try mismatch("boolean")
        }
    }

    /// Reads an integer of any wire width.
    public mutating func readInt() throws(MessagePackError) -> Int {
        let start = offset
        switch try readInteger() {
        case .signed(let value): return Int(value)
        case .unsigned(let value):
            guard let value = Int(exactly: value) else { throw MessagePackError(.integerOverflow, offset: start) }
            return value
        }
    }

    /// Reads a non-negative integer of any wire width.
    public mutating func readUInt() throws(MessagePackError) -> UInt64 {
        let start = offset
        switch try readInteger() {
        case .unsigned(let value): return value
        case .signed(let value):
            guard let value = UInt64(exactly: value) else { throw MessagePackError(.integerOverflow, offset: start) }
            return value
        }
    }

    /// Reads a float of either width, or an integer, as a double.
    public mutating func readDouble() throws(MessagePackError) -> Double {
        guard offset < base.count else { throw MessagePackError(.truncated, offset: offset) }
        switch base[offset] {
        case 0xca: return Double(Float(bitPattern: try fixed(UInt32.self, lead: 1)))
        case 0xcb: return Double(bitPattern: try fixed(UInt64.self, lead: 1))
        default:
            guard try peek() == .integer else { throw try mismatch("number") }
            switch try readInteger() {
            case .signed(let value): return Double(value)
            case .unsigned(let value): return Double(value)
            }
        }
    }

    // MARK: Bytes

    /// The bytes of a string, not checked for UTF-8 and not copied.
    public mutating func readStringBytes() throws(MessagePackError) -> UnsafeRawBufferPointer {
        guard try peek() == .string else { throw try mismatch("string") }
        return try readPayload()
    }

    /// A string; throws where it is not UTF-8.
    public mutating func readString() throws(MessagePackError) -> String {
        let start = offset
        let bytes = try readStringBytes()
        // Most strings are ASCII: that is found out faster than anything about UTF-8.
        if bytes.isASCII { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MessagePackError(.invalidUTF8, offset: start)
        }
        return text
    }

    /// The bytes of a binary, not copied.
    public mutating func readBinary() throws(MessagePackError) -> UnsafeRawBufferPointer {
        guard try peek() == .binary else { throw try mismatch("binary") }
        return try readPayload()
    }

    /// The bytes of a string or binary: Python peers write map keys as either.
    public mutating func readStringOrBinaryBytes() throws(MessagePackError) -> UnsafeRawBufferPointer {
        switch try peek() {
        case .string, .binary: return try readPayload()
        default: throw try mismatch("string or binary")
        }
    }

    // MARK: Containers

    /// Reads an array's header: how many elements follow. The count never exceeds the bytes that are left.
    public mutating func readArrayHeader() throws(MessagePackError) -> Int {
        guard try peek() == .array else { throw try mismatch("array") }
        return try readContainerHeader(bytesPerElement: 1)
    }

    /// Reads a map's header: how many key-value pairs follow.
    public mutating func readMapHeader() throws(MessagePackError) -> Int {
        guard try peek() == .map else { throw try mismatch("map") }
        return try readContainerHeader(bytesPerElement: 2)
    }

    /// Passes over the next value, whatever it is, and returns its bytes, uncopied: the way to splice a value into
    /// another message without decoding it. The whole value is checked for form, not for UTF-8.
    public mutating func readRawValue() throws(MessagePackError) -> UnsafeRawBufferPointer {
        let start = offset
        try skip()
        return UnsafeRawBufferPointer(rebasing: base[start..<offset])
    }

    // MARK: Internals

    enum Integer {
        case signed(Int64)
        case unsigned(UInt64)
    }

    mutating func readInteger() throws(MessagePackError) -> Integer {
        guard offset < base.count else { throw MessagePackError(.truncated, offset: offset) }
        let lead = base[offset]
        switch lead {
        case 0x00...0x7f:
            offset += 1
            return .unsigned(UInt64(lead))
        case 0xe0...0xff:
            offset += 1
            return .signed(Int64(Int8(bitPattern: lead)))
        case 0xcc: return .unsigned(UInt64(try fixed(UInt8.self, lead: 1)))
        case 0xcd: return .unsigned(UInt64(try fixed(UInt16.self, lead: 1)))
        case 0xce: return .unsigned(UInt64(try fixed(UInt32.self, lead: 1)))
        case 0xcf: return .unsigned(try fixed(UInt64.self, lead: 1))
        case 0xd0: return .signed(Int64(Int8(bitPattern: try fixed(UInt8.self, lead: 1))))
        case 0xd1: return .signed(Int64(Int16(bitPattern: try fixed(UInt16.self, lead: 1))))
        case 0xd2: return .signed(Int64(Int32(bitPattern: try fixed(UInt32.self, lead: 1))))
        case 0xd3: return .signed(Int64(bitPattern: try fixed(UInt64.self, lead: 1)))
        default: throw try mismatch("integer")
        }
    }

    /// A big-endian integer that follows `lead` bytes of tag; the cursor moves past both.
    mutating func fixed<T: FixedWidthInteger>(_ type: T.Type, lead: Int) throws(MessagePackError) -> T {
        let width = MemoryLayout<T>.size
        guard remaining >= lead + width else { throw MessagePackError(.truncated, offset: offset) }
        let value = T(bigEndian: base.loadUnaligned(fromByteOffset: offset + lead, as: T.self))
        offset += lead + width
        return value
    }

    /// The payload of a str, bin or ext (without its type byte), the cursor being at the tag.
    mutating func readPayload() throws(MessagePackError) -> UnsafeRawBufferPointer {
        let start = offset
        let lead = base[offset]
        let length: Int
        switch lead {
        case 0xa0...0xbf:
            offset += 1
            length = Int(lead & 0x1f)
        case 0xc4, 0xd9: length = Int(try fixed(UInt8.self, lead: 1))
        case 0xc5, 0xda: length = Int(try fixed(UInt16.self, lead: 1))
        default: length = Int(try fixed(UInt32.self, lead: 1))
        }
        guard length <= remaining else {
            offset = start
            throw MessagePackError(.truncated, offset: start)
        }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: base[offset..<offset + length])
    }

    mutating func readContainerHeader(bytesPerElement: Int) throws(MessagePackError) -> Int {
        let start = offset
        let lead = base[offset]
        let count: Int
        switch lead {
        case 0x80...0x9f:
            offset += 1
            count = Int(lead & 0x0f)
        case 0xdc, 0xde: count = Int(try fixed(UInt16.self, lead: 1))
        default: count = Int(try fixed(UInt32.self, lead: 1))
        }
        guard count <= remaining / bytesPerElement else {
            offset = start
            throw MessagePackError(.truncated, offset: start)
        }
        return count
    }

    private func mismatch(_ expected: String) throws(MessagePackError) -> MessagePackError {
        MessagePackError(.typeMismatch(expected: expected, found: try peek().description), offset: offset)
    }
}
