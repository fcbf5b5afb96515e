/// Why bytes are not the MessagePack that was expected, and where.
public struct MessagePackError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The input ends inside a value, or announces more elements than bytes that are left.
        case truncated
        /// The byte 0xc1, which the format reserves.
        case reservedByte
        /// Another type than the reader asked for; names both.
        case typeMismatch(expected: String, found: String)
        /// An integer that does not fit the type asked for.
        case integerOverflow
        /// A string that is not UTF-8.
        case invalidUTF8
        /// Values nested more deeply than `MessagePackLimits.maximumDepth`.
        case tooDeep
        /// Bytes after the end of the value.
        case trailingBytes
    }

    public let reason: Reason
    /// Offset in bytes from the start of the input.
    public let offset: Int

    public init(_ reason: Reason, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String {
        let what =
            switch reason {
            case .truncated: "input ends inside a value"
            case .reservedByte: "reserved byte 0xc1"
            case .typeMismatch(let expected, let found): "expected \(expected), found \(found)"
            case .integerOverflow: "integer out of range"
            case .invalidUTF8: "string is not valid UTF-8"
            case .tooDeep: "values are nested too deeply"
            case .trailingBytes: "unexpected bytes after the value"
            }
        return "\(what) at byte \(offset)"
    }
}

/// Bounds a reader enforces on input from outside.
public struct MessagePackLimits: Hashable, Sendable {
    /// Arrays and maps inside one another, at most.
    public var maximumDepth: Int

    public init(maximumDepth: Int = 64) {
        self.maximumDepth = maximumDepth
    }

    public static let `default` = MessagePackLimits()
}
