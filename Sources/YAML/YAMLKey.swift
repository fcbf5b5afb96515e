/// A scalar in the form in which Python's dictionaries compare keys: `1`, `1.0` and `true` are one key.
enum YAMLKey: Hashable, Sendable {
    case null
    case integer(Int128)
    case float(Double)
    case string(String)
    indirect case timestamp(YAMLTimestamp)
    case binary([UInt8])
    case collection

    init(_ node: YAMLNode) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .integer(bool ? 1 : 0)
        case .integer(let integer): self = .integer(integer)
        case .float(let float): self = Int128(exactly: float).map(YAMLKey.integer) ?? .float(float)
        case .string(let string): self = .string(string)
        case .timestamp(let timestamp): self = .timestamp(timestamp)
        case .binary(let bytes): self = .binary(bytes)
        case .sequence, .mapping: self = .collection
        }
    }

    // Swift calls strings equal that Unicode calls canonically equivalent; Python and JSON compare code points.
    static func == (left: YAMLKey, right: YAMLKey) -> Bool {
        switch (left, right) {
        case (.null, .null), (.collection, .collection): true
        case (.integer(let left), .integer(let right)): left == right
        case (.float(let left), .float(let right)): left == right
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.timestamp(let left), .timestamp(let right)): left == right
        case (.binary(let left), .binary(let right)): left == right
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .null, .collection: hasher.combine(0)
        case .integer(let integer): hasher.combine(integer)
        case .float(let float): hasher.combine(float)
        case .string(let string): for byte in string.utf8 { hasher.combine(byte) }
        case .timestamp(let timestamp): hasher.combine(timestamp)
        case .binary(let bytes): hasher.combine(bytes)
        }
    }
}
