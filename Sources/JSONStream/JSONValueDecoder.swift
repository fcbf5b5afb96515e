/// Reads `Decodable` types out of a `JSONValue`.
///
/// A class, so that it is its own place in the tree: a decoder knows the one it comes from, and a path is made of that
/// only for those who ask, which errors do.
final class JSONValueDecoder: Decoder, SingleValueDecodingContainer {
    /// How a value is reached from the one around it.
    enum Step {
        case member(any CodingKey)
        case element(Int)

        var key: any CodingKey {
            switch self {
            case .member(let key): key
            case .element(let index): JSONCodingKey(index)
            }
        }
    }

    let value: JSONValue
    /// Nil at the root.
    private let origin: (decoder: JSONValueDecoder, step: Step)?

    init(_ value: JSONValue, at step: Step, of decoder: JSONValueDecoder) {
        self.value = value
        origin = (decoder, step)
    }

    init(root: JSONValue) {
        value = root
        origin = nil
    }

    var codingPath: [any CodingKey] { origin.map { $0.decoder.codingPath + [$0.step.key] } ?? [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(JSONObjectDecoding<Key>(try members(), of: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self, "array") }
        return JSONArrayDecoding(elements, of: self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    private func members() throws -> [JSONMember] {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self, "object") }
        return members
    }

    func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        let context = DecodingError.Context(
            codingPath: codingPath, debugDescription: "expected \(expected), found \(value.typeName)")
        return value.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    // MARK: Scalars

    func decodeNil() -> Bool { value.isNull }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let bool) = value else { throw mismatch(type, "boolean") }
        return bool
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .string(let string) = value else { throw mismatch(type, "string") }
        return string
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard let double = value.doubleValue else { throw mismatch(type, "number") }
        return double
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // A tree in a tree needs no walk, and these no containers.
        if type == JSONValue.self, let tree = value as? Value { return tree }
        if type == String.self, let string = try decode(String.self) as? Value { return string }
        if type == [String: String].self, let strings = try strings() as? Value { return strings }
        return try Value(from: self)
    }

    private func strings() throws -> [String: String] {
        let members = try members()
        var strings = [String: String](minimumCapacity: members.count)
        for member in members {
            guard case .string(let string) = member.value else {
                throw JSONValueDecoder(member.value, at: .member(JSONCodingKey(member.key)), of: self)
                    .mismatch(String.self, "string")
            }
            strings[member.key] = string
        }
        return strings
    }

    func decode<Value: FixedWidthInteger & Decodable>(_ type: Value.Type) throws -> Value {
        let integer: Value? =
            switch value {
            case .int(let integer): Value(exactly: integer)
            case .uint(let integer): Value(exactly: integer)
            case .double(let double): Value(exactly: double)
            default: throw mismatch(type, "integer")
            }
        guard let integer else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "the number is no \(type)"))
        }
        return integer
    }
}

/// The members of an object by name; the last one where a name repeats.
private struct JSONObjectDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let object: JSONValueDecoder
    private let members: [JSONMember]
    /// Only for large objects: small ones are searched faster than indexed.
    private let index: [String: Int]?

    init(_ members: [JSONMember], of object: JSONValueDecoder) {
        self.members = members
        self.object = object
        guard members.count > 16 else {
            index = nil
            return
        }
        var index: [String: Int] = [:]
        index.reserveCapacity(members.count)
        for (position, member) in members.enumerated() { index[member.key] = position }
        self.index = index
    }

    var codingPath: [any CodingKey] { object.codingPath }

    var allKeys: [Key] {
        guard index == nil else { return (index ?? [:]).keys.compactMap { Key(stringValue: $0) } }
        return members.enumerated().compactMap { position, member in
            members[..<position].contains { $0.key == member.key } ? nil : Key(stringValue: member.key)
        }
    }

    private func find(_ name: String) -> JSONValue? {
        if let index { return index[name].map { members[$0].value } }
        return members.last { $0.key == name }?.value
    }

    /// The member of a key that has a value.
    private func present(_ key: Key) -> JSONValueDecoder? {
        presentValue(key).map { decoder(key, $0) }
    }

    private func presentValue(_ key: Key) -> JSONValue? {
        guard let value = find(key.stringValue), !value.isNull else { return nil }
        return value
    }

    private func decoder(_ key: any CodingKey, _ value: JSONValue) -> JSONValueDecoder {
        JSONValueDecoder(value, at: .member(key), of: object)
    }

    private func decoder(_ key: Key) throws -> JSONValueDecoder {
        guard let value = find(key.stringValue) else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "'\(key.stringValue)' is missing"))
        }
        return decoder(key, value)
    }

    func contains(_ key: Key) -> Bool { find(key.stringValue) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try decoder(key).decode(type)
    }

    // Without these, the library looks a member up three times: whether it is there, whether it is null, and what it is.
    // It has a function of its own for each kind of scalar.

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        // Most of what documents say: without even a decoder.
        guard let value = presentValue(key) else { return nil }
        if case .string(let string) = value { return string }
        return try decoder(key, value).decode(type)
    }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try present(key)?.decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { superDecoder(named: JSONCodingKey.superKey) }
    func superDecoder(forKey key: Key) throws -> any Decoder { superDecoder(named: key) }

    private func superDecoder(named key: any CodingKey) -> JSONValueDecoder {
        decoder(key, find(key.stringValue) ?? .null)
    }
}

private struct JSONArrayDecoding: UnkeyedDecodingContainer {
    private let array: JSONValueDecoder
    private let elements: [JSONValue]
    private(set) var currentIndex = 0

    init(_ elements: [JSONValue], of array: JSONValueDecoder) {
        self.array = array
        self.elements = elements
    }

    var codingPath: [any CodingKey] { array.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private func current() throws -> JSONValueDecoder {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                JSONValue.self,
                .init(
                    codingPath: codingPath + [JSONCodingKey(currentIndex)],
                    debugDescription: "the array has \(elements.count) elements"))
        }
        return JSONValueDecoder(elements[currentIndex], at: .element(currentIndex), of: array)
    }

    mutating func decodeNil() throws -> Bool {
        guard try current().decodeNil() else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let value = try current().decode(type)
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let container = try current().container(keyedBy: type)
        currentIndex += 1
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try current().unkeyedContainer()
        currentIndex += 1
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = try current()
        currentIndex += 1
        return decoder
    }
}
