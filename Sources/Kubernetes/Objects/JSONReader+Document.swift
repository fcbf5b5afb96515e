import JSONStream

extension JSONReader {
    /// The next value, an object of the API server, as far as a type wants it.
    mutating func readDocument<Object: KubernetesObject>(of type: Object.Type) throws(JSONError) -> JSONValue {
        guard !type.keepsDocument, try peek() == .object else { return try readValue() }
        return try readMembers { key, reader throws(JSONError) in
            guard key == "metadata", try reader.peek() == .object else { return try reader.readValue() }
            return try reader.readMembers { key, reader throws(JSONError) in
                guard key == "managedFields" else { return try reader.readValue() }
                try reader.skip()
                return nil
            }
        }
    }

    /// - Parameter read: reads a member's value, or passes over it and returns nil.
    private mutating func readMembers(
        _ read: (String, inout JSONReader) throws(JSONError) -> JSONValue?
    ) throws(JSONError) -> JSONValue {
        try beginObject()
        var members: [JSONMember] = []
        while let key = try nextKey() {
            if let value = try read(key, &self) { members.append(JSONMember(key, value)) }
        }
        return .object(members)
    }
}
