/// Why bytes are not the JSON that was expected, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case unexpectedEnd
        /// Another token than the grammar allows here; the text says which were expected.
        case unexpected(expected: String)
        /// Well-formed, but of another type than the reader asked for.
        case typeMismatch(expected: String, found: String)
        case invalidNumber
        case numberOutOfRange
        case invalidEscape
        case invalidUTF8
        case controlCharacterInString
        case tooDeep
        case duplicateKey(String)
        case trailingBytes
    }

    public let reason: Reason
    /// Offset in bytes from the start of the input.
    public let offset: Int
    /// Line and column, counted from 1; the column counts bytes.
    public let line: Int
    public let column: Int

    init(_ reason: Reason, offset: Int, in bytes: UnsafeRawBufferPointer) {
        self.reason = reason
        self.offset = offset
        let before = bytes[..<min(offset, bytes.count)]
        line = 1 + before.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        column = offset - (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1)
    }

    public var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "unexpected end of input"
            case .unexpected(let expected): "expected \(expected)"
            case .typeMismatch(let expected, let found): "expected \(expected), found \(found)"
            case .invalidNumber: "invalid number"
            case .numberOutOfRange: "number out of range"
            case .invalidEscape: "invalid escape in string"
            case .invalidUTF8: "string is not valid UTF-8"
            case .controlCharacterInString: "unescaped control character in string"
            case .tooDeep: "values are nested too deeply"
            case .duplicateKey(let key): "duplicate key '\(key)'"
            case .trailingBytes: "unexpected text after the value"
            }
        return "\(what) at line \(line) column \(column)"
    }
}

/// What a reader enforces on input from outside.
public struct JSONReaderOptions: Hashable, Sendable {
    /// Arrays and objects inside one another, at most.
    public var maximumDepth: Int
    /// Whether a key that repeats in one object is an error; otherwise the last one wins, as in most parsers.
    public var rejectsDuplicateKeys: Bool

    public init(maximumDepth: Int = 64, rejectsDuplicateKeys: Bool = false) {
        self.maximumDepth = maximumDepth
        self.rejectsDuplicateKeys = rejectsDuplicateKeys
    }
}
