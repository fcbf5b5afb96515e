/// A decoded MessagePack value of any shape. For hot paths read with `MessagePackReader` instead, which builds nothing.
public enum MessagePackValue: Hashable, Sendable {
    case `nil`
    case bool(Bool)
    /// Any integer that fits; readers use this for unsigned wire forms too.
    case int(Int64)
    /// An integer above `Int64.max`.
    case uint(UInt64)
    case float(Float)
    case double(Double)
    case string(String)
    case binary([UInt8])
    case array([MessagePackValue])
    /// Pairs in wire order; keys may be of any type and may repeat.
    case map([MessagePackPair])
    case ext(type: Int8, data: [UInt8])
}

/// One entry of a map.
public struct MessagePackPair: Hashable, Sendable {
    public var key: MessagePackValue
    public var value: MessagePackValue

    public init(_ key: MessagePackValue, _ value: MessagePackValue) {
        self.key = key
        self.value = value
    }
}

extension MessagePackValue {
    /// The value under a `str` or UTF-8 `bin` key of a map; the last one where the key repeats.
    public subscript(key: String) -> MessagePackValue? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.last { $0.key.keyText == key }?.value
    }

    /// The text of a `str`, or of a `bin` that holds UTF-8, as map keys of Python peers do.
    public var keyText: String? {
        switch self {
        case .string(let text): text
        case .binary(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    public var stringValue: String? {
        if case .string(let text) = self { text } else { nil }
    }

    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var isNil: Bool { self == .nil }

    /// The wire form's name, for error messages.
    public var typeName: String {
        switch self {
        case .nil: "nil"
        case .bool: "boolean"
        case .int, .uint: "integer"
        case .float, .double: "float"
        case .string: "string"
        case .binary: "binary"
        case .array: "array"
        case .map: "map"
        case .ext: "extension"
        }
    }
}

extension MessagePackValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .nil }
    public init(arrayLiteral elements: MessagePackValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, MessagePackValue)...) {
        self = .map(elements.map { MessagePackPair(.string($0.0), $0.1) })
    }
}
