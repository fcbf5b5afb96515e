import JSONStream

/// Why a YAML value has no JSON form.
public struct YAMLToJSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What stands in the way.
    public var message: String
    /// Where.
    public var mark: YAMLMark

    public var description: String { message }
}

extension JSONValue {
    /// What becomes of mapping keys that are no strings, which JSON cannot hold.
    public enum NonStringKeys: Sendable {
        /// The whole value has no JSON form.
        case reject
        /// They become their JSON text: `1`, `true`, `null`.
        case convert
    }

    /// The JSON form of a YAML value: timestamps become ISO 8601 text, binary data base64, NaN and infinities the
    /// double that writers turn into null.
    ///
    /// - Throws: `YAMLToJSONError` for integers that 64 bits do not hold and, where they are rejected, for keys that are
    ///   no strings.
    public init(_ node: YAMLNode, nonStringKeys: NonStringKeys = .reject) throws(YAMLToJSONError) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer):
            if let integer = Int64(exactly: integer) {
                self = .int(integer)
            } else if let integer = UInt64(exactly: integer) {
                self = .uint(integer)
            } else {
                throw YAMLToJSONError(message: "the integer \(integer) does not fit in 64 bits", mark: node.mark)
            }
        case .float(let float): self = .double(float)
        case .string(let string): self = .string(string)
        case .timestamp(let timestamp): self = .string(timestamp.iso8601())
        case .binary(let bytes): self = .string(Base64.text(of: bytes))
        case .sequence(let nodes):
            var elements: [JSONValue] = []
            elements.reserveCapacity(nodes.count)
            for node in nodes { elements.append(try JSONValue(node, nonStringKeys: nonStringKeys)) }
            self = .array(elements)
        case .mapping(let mapping):
            var members: [JSONMember] = []
            members.reserveCapacity(mapping.count)
            for entry in mapping.entries {
                let value = try JSONValue(entry.value, nonStringKeys: nonStringKeys)
                members.append(JSONMember(try Self.key(entry.key, nonStringKeys), value))
            }
            self = .object(members)
        }
    }

    private static func key(_ key: YAMLNode, _ rule: NonStringKeys) throws(YAMLToJSONError) -> String {
        if let string = key.string { return string }
        guard rule == .convert else {
            throw YAMLToJSONError(message: "\(key.kindDescription) is no key of a JSON object", mark: key.mark)
        }
        switch try JSONValue(key) {
        case .string(let string): return string
        case let scalar: return String(decoding: JSONWriter.encode(scalar), as: UTF8.self)
        }
    }
}

extension YAMLNode {
    /// The YAML value that a JSON value means.
    public init(json: JSONValue) {
        switch json {
        case .null: self.init(.null)
        case .bool(let bool): self.init(.bool(bool))
        case .int(let integer): self.init(.integer(Int128(integer)))
        case .uint(let integer): self.init(.integer(Int128(integer)))
        case .double(let double): self.init(.float(double))
        case .string(let string): self.init(.string(string))
        case .array(let elements): self.init(.sequence(elements.map { YAMLNode(json: $0) }))
        case .object(let members):
            var mapping = YAMLMapping()
            for member in members { mapping[member.key] = YAMLNode(json: member.value) }
            self.init(.mapping(mapping))
        }
    }
}
