/// Makes a `JSONValue` of `Encodable` types.
final class JSONValueEncoder: Encoder {
    /// What has been encoded until now; containers are classes because they fill their place after it was given out.
    private enum Part {
        case none
        case scalar(JSONValue)
        case object(JSONObjectParts)
        case array(JSONArrayParts)
    }

    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var part = Part.none

    init(codingPath: [any CodingKey]) {
        self.codingPath = codingPath
    }

    static func tree(of value: some Encodable, at codingPath: [any CodingKey]) throws -> JSONValue {
        if let tree = value as? JSONValue { return tree }
        let encoder = JSONValueEncoder(codingPath: codingPath)
        try value.encode(to: encoder)
        return encoder.tree
    }

    /// A value that encodes nothing is an empty object, as Foundation's encoder has it.
    var tree: JSONValue {
        switch part {
        case .none: .object([])
        case .scalar(let value): value
        case .object(let parts): .object(parts.members.map { JSONMember($0.key, $0.value.tree) })
        case .array(let parts): .array(parts.elements.map(\.tree))
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let parts: JSONObjectParts
        if case .object(let existing) = part { parts = existing } else { parts = JSONObjectParts() }
        part = .object(parts)
        return KeyedEncodingContainer(JSONObjectEncoding<Key>(parts: parts, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let parts: JSONArrayParts
        if case .array(let existing) = part { parts = existing } else { parts = JSONArrayParts() }
        part = .array(parts)
        return JSONArrayEncoding(parts: parts, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONScalarEncoding(codingPath: codingPath) { self.part = .scalar($0) }
    }
}

/// One place in a tree: a value, or an encoder that will have one.
private enum JSONPart {
    case value(JSONValue)
    case encoder(JSONValueEncoder)

    var tree: JSONValue {
        switch self {
        case .value(let value): value
        case .encoder(let encoder): encoder.tree
        }
    }
}

private final class JSONObjectParts {
    var members: [(key: String, value: JSONPart)] = []
}

private final class JSONArrayParts {
    var elements: [JSONPart] = []
}

private struct JSONObjectEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let parts: JSONObjectParts
    let codingPath: [any CodingKey]

    private func add(_ key: any CodingKey, _ value: JSONPart) { parts.members.append((key.stringValue, value)) }

    func encodeNil(forKey key: Key) { add(key, .value(.null)) }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        add(key, .value(try JSONValueEncoder.tree(of: value, at: codingPath + [key])))
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder(JSONCodingKey.superKey) }
    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }

    private func encoder(_ key: any CodingKey) -> JSONValueEncoder {
        let encoder = JSONValueEncoder(codingPath: codingPath + [key])
        add(key, .encoder(encoder))
        return encoder
    }
}

private struct JSONArrayEncoding: UnkeyedEncodingContainer {
    let parts: JSONArrayParts
    let codingPath: [any CodingKey]

    var count: Int { parts.elements.count }
    private var path: [any CodingKey] { codingPath + [JSONCodingKey(count)] }

    func encodeNil() { parts.elements.append(.value(.null)) }

    func encode(_ value: some Encodable) throws {
        parts.elements.append(.value(try JSONValueEncoder.tree(of: value, at: path)))
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        encoder().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder() }

    private func encoder() -> JSONValueEncoder {
        let encoder = JSONValueEncoder(codingPath: path)
        parts.elements.append(.encoder(encoder))
        return encoder
    }
}

private struct JSONScalarEncoding: SingleValueEncodingContainer {
    let codingPath: [any CodingKey]
    let set: (JSONValue) -> Void

    private func double(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "JSON has no \(value)"))
        }
        set(.double(value))
    }

    func encodeNil() { set(.null) }
    func encode(_ value: Bool) { set(.bool(value)) }
    func encode(_ value: String) { set(.string(value)) }
    func encode(_ value: Double) throws { try double(value) }
    func encode(_ value: Float) throws { try double(Double(value)) }
    func encode(_ value: Int) { set(.int(Int64(value))) }
    func encode(_ value: Int8) { set(.int(Int64(value))) }
    func encode(_ value: Int16) { set(.int(Int64(value))) }
    func encode(_ value: Int32) { set(.int(Int64(value))) }
    func encode(_ value: Int64) { set(.int(value)) }
    func encode(_ value: UInt) { encode(UInt64(value)) }
    func encode(_ value: UInt8) { set(.int(Int64(value))) }
    func encode(_ value: UInt16) { set(.int(Int64(value))) }
    func encode(_ value: UInt32) { set(.int(Int64(value))) }
    func encode(_ value: UInt64) { set(Int64(exactly: value).map { .int($0) } ?? .uint(value)) }
    func encode(_ value: some Encodable) throws { set(try JSONValueEncoder.tree(of: value, at: codingPath)) }
}
