import JSONStream

/// Who wrote which fields of an object (`metadata.managedFields`), as far as it has to be known to give fields up to others.
public struct ManagedFields: Sendable, Hashable {
    /// The fields that one manager wrote in one way.
    public struct Entry: Sendable, Hashable {
        public var manager: String
        /// `Apply` for server-side apply, `Update` for every other write.
        public var operation: String
        /// Such as `scale` or `status`; nil for the object itself.
        public var subresource: String?
        /// A tree whose members are `f:NAME` for fields.
        public var fields: JSONValue

        /// Whether a field is among them, with whatever is below it or not.
        public func contains(_ path: [String]) -> Bool {
            var place: JSONValue? = fields
            for name in path { place = place?["f:\(name)"] }
            return place != nil
        }
    }

    public var entries: [Entry]

    /// Reads the entries of an object; none where the server keeps none.
    public init(of object: JSONValue) {
        let all = object["metadata"]?["managedFields"]?.arrayValue ?? []
        entries = all.compactMap { entry in
            guard let manager = entry["manager"]?.stringValue, let operation = entry["operation"]?.stringValue else {
                return nil
            }
            return Entry(
                manager: manager, operation: operation, subresource: entry["subresource"]?.stringValue,
                fields: entry["fieldsV1"] ?? .object([]))
        }
    }

    /// Whether a manager has applied a field, and has not left it out since.
    public func isApplied(_ path: [String], by manager: String) -> Bool {
        entries.contains { $0.manager == manager && $0.operation == "Apply" && $0.contains(path) }
    }

    /// The managers of a field, in whichever way they wrote it.
    public func managers(of path: [String]) -> [String] {
        entries.filter { $0.contains(path) }.map(\.manager)
    }
}
