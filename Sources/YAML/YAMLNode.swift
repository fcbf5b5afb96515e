/// One value of a YAML document, with the place where its text begins.
///
/// Two nodes are equal when Python would call their values equal: numbers compare by value whatever their type
/// (`100`, `100.0`; `true` and 1), mappings whatever the order of their keys, sequences in order. Marks never count.
public struct YAMLNode: Sendable, Equatable {
    /// The types that safe YAML 1.1 knows.
    public enum Value: Sendable {
        case null
        case bool(Bool)
        case integer(Int128)
        case float(Double)
        case string(String)
        // Outside of the node: it is rare and large, and a catalogue keeps very many nodes.
        indirect case timestamp(YAMLTimestamp)
        case binary([UInt8])
        case sequence([YAMLNode])
        case mapping(YAMLMapping)
    }

    /// The value.
    public var value: Value
    /// Where its text begins.
    public var mark: YAMLMark

    /// Creates a node.
    public init(_ value: Value, mark: YAMLMark = .none) {
        self.value = value
        self.mark = mark
    }

    public static func == (left: YAMLNode, right: YAMLNode) -> Bool {
        switch (left.value, right.value) {
        case (.sequence(let left), .sequence(let right)): left == right
        case (.mapping(let left), .mapping(let right)): left == right
        case (.sequence, _), (.mapping, _), (_, .sequence), (_, .mapping): false
        case (.float(let left), .float(let right)): left == right
        default: YAMLKey(left) == YAMLKey(right)
        }
    }
}

extension YAMLNode {
    /// A string node that stands in no text.
    public static func string(_ text: String) -> YAMLNode { YAMLNode(.string(text)) }

    /// An integer node that stands in no text.
    public static func integer(_ number: Int) -> YAMLNode { YAMLNode(.integer(Int128(number))) }

    /// A sequence node that stands in no text.
    public static func sequence(_ nodes: [YAMLNode]) -> YAMLNode { YAMLNode(.sequence(nodes)) }

    /// A mapping node that stands in no text, with string keys in the order given.
    public static func mapping(_ entries: KeyValuePairs<String, YAMLNode>) -> YAMLNode {
        var mapping = YAMLMapping()
        for (key, value) in entries { mapping[key] = value }
        return YAMLNode(.mapping(mapping))
    }

    /// Whether the node is null.
    public var isNull: Bool {
        if case .null = value { true } else { false }
    }

    /// The boolean, if the node is one.
    public var bool: Bool? {
        if case .bool(let bool) = value { bool } else { nil }
    }

    /// The integer, if the node is one and fits.
    public var integer: Int? {
        if case .integer(let integer) = value { Int(exactly: integer) } else { nil }
    }

    /// The number as a double, if the node is an integer or a float.
    public var number: Double? {
        switch value {
        case .integer(let integer): Double(integer)
        case .float(let float): float
        default: nil
        }
    }

    /// The string, if the node is one.
    public var string: String? {
        if case .string(let string) = value { string } else { nil }
    }

    /// The elements, if the node is a sequence.
    public var sequence: [YAMLNode]? {
        if case .sequence(let nodes) = value { nodes } else { nil }
    }

    /// The entries, if the node is a mapping.
    public var mapping: YAMLMapping? {
        if case .mapping(let mapping) = value { mapping } else { nil }
    }

    /// The value of a string key, if the node is a mapping that has it.
    public subscript(_ key: String) -> YAMLNode? { mapping?[key] }

    /// Whether Python's `bool()` of the value is true: null, false, zero and whatever is empty are not.
    public var isTruthy: Bool {
        switch value {
        case .null: false
        case .bool(let bool): bool
        case .integer(let integer): integer != 0
        case .float(let float): float != 0
        case .string(let string): !string.isEmpty
        case .timestamp: true
        case .binary(let bytes): !bytes.isEmpty
        case .sequence(let nodes): !nodes.isEmpty
        case .mapping(let mapping): !mapping.isEmpty
        }
    }

    /// What the value is, for messages: `a mapping`, `an integer`.
    public var kindDescription: String {
        switch value {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .float: "a float"
        case .string: "a string"
        case .timestamp: "a timestamp"
        case .binary: "binary data"
        case .sequence: "a sequence"
        case .mapping: "a mapping"
        }
    }
}
