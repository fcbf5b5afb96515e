extension JSONReader {
    /// Passes over the next value, checking its grammar.
    public mutating func skip() throws(JSONError) {
        switch try peek() {
        case .null: try literal("null")
        case .boolean: _ = try readBool()
        case .number: _ = try parseNumber()
        case .string: _ = try readString()
        case .array:
            try beginArray()
            while try nextElement() { try skip() }
        case .object:
            try beginObject()
            while try nextKey() != nil { try skip() }
        }
    }

    /// Passes over the next value and returns its text, uncopied.
    public mutating func readRawValue() throws(JSONError) -> UnsafeRawBufferPointer {
        _ = try peek()
        let start = offset
        try skip()
        return UnsafeRawBufferPointer(rebasing: base[start..<offset])
    }

    /// Decodes the next value whole.
    public mutating func readValue() throws(JSONError) -> JSONValue {
        switch try peek() {
        case .null:
            try literal("null")
            return .null
        case .boolean: return .bool(try readBool())
        case .string: return .string(try readString())
        case .number:
            switch try parseNumber() {
            case .int(let value): return .int(value)
            case .uint(let value): return .uint(value)
            case .double(let value): return .double(value)
            }
        case .array:
            try beginArray()
            var elements: [JSONValue] = []
            while try nextElement() { elements.append(try readValue()) }
            return .array(elements)
        case .object:
            try beginObject()
            var members: [JSONMember] = []
            var seen: Set<String> = []
            while let key = try nextKey() {
                if options.rejectsDuplicateKeys, !seen.insert(key).inserted { throw error(.duplicateKey(key)) }
                members.append(JSONMember(key, try readValue()))
            }
            return .object(members)
        }
    }

    /// Decodes `bytes` as exactly one value.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, options: JSONReaderOptions = JSONReaderOptions()
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes, options: options)
        let value = try reader.readValue()
        try reader.expectEnd()
        return value
    }

    /// Decodes `bytes` as exactly one value.
    public static func decode(
        _ bytes: some Sequence<UInt8>, options: JSONReaderOptions = JSONReaderOptions()
    ) throws(JSONError) -> JSONValue {
        let result: Result<JSONValue, JSONError> = ContiguousArray(bytes).withUnsafeBytes { buffer in
            do throws(JSONError) {
                return .success(try decode(buffer, options: options))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
