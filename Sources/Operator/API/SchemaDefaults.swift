extension KeyedDecodingContainer {
    /// A field that the schema has a default for, which servers fill in; documents from elsewhere may lack it.
    func decode<Value: Decodable>(_ key: Key, default value: @autoclosure () -> Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? value()
    }
}
