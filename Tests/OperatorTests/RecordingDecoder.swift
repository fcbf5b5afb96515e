import JSONStream
import Operator

/// Decodes a document and remembers what its type asked for: the names of members by path, and the words of choices.
final class DecodingRecord {
    /// Paths to members, with `[]` for elements of lists.
    fileprivate(set) var members: Set<[String]> = []
    /// The words of the choice at a path.
    fileprivate(set) var words: [[String]: [String]] = [:]

    func decode<Value: Decodable>(_ type: Value.Type, from document: JSONValue) throws -> Value {
        try RecordingDecoder(value: document, path: [], record: self).decode(type)
    }
}

private struct RecordingDecoder: Decoder, SingleValueDecodingContainer {
    let value: JSONValue
    let path: [String]
    let record: DecodingRecord
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(
            RecordingObject<Key>(members: try members(), path: path, record: record))
    }

    private func members() throws -> [JSONMember] {
        guard let members = value.objectValue else { throw mismatch("an object") }
        return members
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.arrayValue else { throw mismatch("an array") }
        return RecordingArray(elements: elements, path: path + ["[]"], record: record)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { value.isNull }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let choice = type as? any SpecChoice.Type { record.words[path] = choice.words }
        let isScalar =
            type is String.Type || type is Bool.Type || type is Double.Type || type is any FixedWidthInteger.Type
        return isScalar ? try value.decode(type) : try Value(from: self)
    }

    private func mismatch(_ expected: String) -> DecodingError {
        .dataCorrupted(
            .init(codingPath: [], debugDescription: "\(path): expected \(expected), found \(value.typeName)"))
    }
}

private struct RecordingObject<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [JSONMember]
    let path: [String]
    let record: DecodingRecord
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { members.compactMap { Key(stringValue: $0.key) } }

    private func decoder(_ key: Key) throws -> RecordingDecoder {
        guard contains(key), let value = members.last(where: { $0.key == key.stringValue })?.value else {
            throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "\(path)"))
        }
        return RecordingDecoder(value: value, path: path + [key.stringValue], record: record)
    }

    func contains(_ key: Key) -> Bool {
        record.members.insert(path + [key.stringValue])
        return members.contains { $0.key == key.stringValue }
    }

    func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try decoder(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        RecordingDecoder(value: .object(members), path: path, record: record)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

private struct RecordingArray: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    let path: [String]
    let record: DecodingRecord
    var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func next() throws -> RecordingDecoder {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(JSONValue.self, .init(codingPath: [], debugDescription: "\(path)"))
        }
        defer { currentIndex += 1 }
        return RecordingDecoder(value: elements[currentIndex], path: path, record: record)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }

    mutating func superDecoder() throws -> any Decoder { try next() }
}
