/// A cursor over one JSON text (RFC 8259, strict: UTF-8 checked, no leading zeros, no trailing commas).
///
/// Walk containers with `beginObject`/`nextKey` and `beginArray`/`nextElement`, read or `skip` every value in between.
/// The reader borrows the bytes: use it only while the buffer it was made from is valid.
public struct JSONReader {
    /// What kind of value comes next.
    public enum Kind: String, Sendable {
        case null, boolean, number, string, array, object
    }

    /// A number as the text wrote it: integers stay integers where they fit 64 bits.
    public enum Number: Hashable, Sendable {
        case int(Int64)
        case uint(UInt64)
        case double(Double)
    }

    let base: UnsafeRawBufferPointer
    /// Offset of the next byte to read.
    public internal(set) var offset = 0
    let options: JSONReaderOptions
    /// For each open container whether its first element is still to come.
    private var expectsFirst: [Bool] = []

    public init(_ bytes: UnsafeRawBufferPointer, options: JSONReaderOptions = JSONReaderOptions()) {
        base = bytes
        self.options = options
    }

    public mutating func peek() throws(JSONError) -> Kind {
        skipWhitespace()
        guard offset < base.count else { throw error(.unexpectedEnd) }
        switch base[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw error(.unexpected(expected: "a value"))
        }
    }

    /// Throws unless only white space is left.
    public mutating func expectEnd() throws(JSONError) {
        skipWhitespace()
        if offset < base.count { throw error(.trailingBytes) }
    }

    // MARK: Containers

    public mutating func beginObject() throws(JSONError) {
        try begin(.object)
    }

    public mutating func beginArray() throws(JSONError) {
        try begin(.array)
    }

    /// The next member's key, the cursor then being at its value; nil at the object's end.
    public mutating func nextKey() throws(JSONError) -> String? {
        guard try advanceToNext(closing: UInt8(ascii: "}")) else { return nil }
        skipWhitespace()
        guard offset < base.count else { throw error(.unexpectedEnd) }
        guard base[offset] == UInt8(ascii: "\"") else { throw error(.unexpected(expected: "a member name")) }
        let key = try readString()
        skipWhitespace()
        guard offset < base.count else { throw error(.unexpectedEnd) }
        guard base[offset] == UInt8(ascii: ":") else { throw error(.unexpected(expected: "':'")) }
        offset += 1
        return key
    }

    /// Whether another element follows, the cursor then being at it; false at the array's end.
    public mutating func nextElement() throws(JSONError) -> Bool {
        try advanceToNext(closing: UInt8(ascii: "]"))
    }

    private mutating func begin(_ kind: Kind) throws(JSONError) {
        try expect(kind)
        guard expectsFirst.count < options.maximumDepth else { throw error(.tooDeep) }
        offset += 1
        expectsFirst.append(true)
    }

    private mutating func advanceToNext(closing: UInt8) throws(JSONError) -> Bool {
        skipWhitespace()
        guard offset < base.count else { throw error(.unexpectedEnd) }
        let isFirst = expectsFirst.last ?? true
        if base[offset] == closing {
            offset += 1
            _ = expectsFirst.popLast()
            return false
        }
        if isFirst {
            if !expectsFirst.isEmpty { expectsFirst[expectsFirst.count - 1] = false }
            return true
        }
        guard base[offset] == UInt8(ascii: ",") else {
            throw error(.unexpected(expected: closing == UInt8(ascii: "]") ? "',' or ']'" : "',' or '}'"))
        }
        offset += 1
        skipWhitespace()
        if offset < base.count, base[offset] == closing { throw error(.unexpected(expected: "a value after ','")) }
        return true
    }

    // MARK: Scalars

    /// Reads a null if one is next; otherwise leaves the cursor at the value.
    public mutating func readNullIfPresent() throws(JSONError) -> Bool {
        guard try peek() == .null else { return false }
        try literal("null")
        return true
    }

    public mutating func readBool() throws(JSONError) -> Bool {
        try expect(.boolean)
        if base[offset] == UInt8(ascii: "t") {
            try literal("true")
            return true
        }
        try literal("false")
        return false
    }

    public mutating func readString() throws(JSONError) -> String {
        try expect(.string)
        offset += 1
        let start = offset
        while offset < base.count {
            switch base[offset] {
            case UInt8(ascii: "\""):
                let bytes = UnsafeRawBufferPointer(rebasing: base[start..<offset])
                guard let text = String(validating: bytes, as: UTF8.self) else { throw error(.invalidUTF8, at: start) }
                offset += 1
                return text
            case UInt8(ascii: "\\"):
                return try readEscapedString(from: start)
            case 0..<0x20:
                throw error(.controlCharacterInString)
            default:
                offset += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    public mutating func readNumber() throws(JSONError) -> Number {
        try expect(.number)
        return try parseNumber()
    }

    public mutating func readDouble() throws(JSONError) -> Double {
        switch try readNumber() {
        case .int(let value): Double(value)
        case .uint(let value): Double(value)
        case .double(let value): value
        }
    }

    public mutating func readInt() throws(JSONError) -> Int {
        let start = offset
        switch try readNumber() {
        case .int(let value): return Int(value)
        case .double(let value):
            guard let value = Int(exactly: value) else { throw error(.numberOutOfRange, at: start) }
            return value
        case .uint: throw error(.numberOutOfRange, at: start)
        }
    }

    // MARK: Internals

    func error(_ reason: JSONError.Reason, at offset: Int? = nil) -> JSONError {
        JSONError(reason, offset: offset ?? self.offset, in: base)
    }

    mutating func skipWhitespace() {
        while offset < base.count {
            switch base[offset] {
            case 0x20, 0x09, 0x0a, 0x0d: offset += 1
            default: return
            }
        }
    }

    mutating func expect(_ kind: Kind) throws(JSONError) {
        let found = try peek()
        if found != kind { throw error(.typeMismatch(expected: kind.rawValue, found: found.rawValue)) }
    }

    mutating func literal(_ word: StaticString) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        let matches =
            base.count - offset >= count
            && word.withUTF8Buffer { $0.elementsEqual(base[offset..<offset + count]) }
        guard matches else { throw error(.unexpected(expected: "\(word)")) }
        offset += count
    }
}
