import JSONStream

/// One field of a document that breaks a rule.
public struct SchemaIssue: Sendable, Hashable, CustomStringConvertible {
    /// The path to the field: keys from the top of the document.
    public var location: [String]
    /// What is wrong, naming the field.
    public var message: String

    /// Creates an issue.
    public init(_ location: [String], _ message: String) {
        self.location = location
        self.message = message
    }

    public var description: String { location.isEmpty ? message : "\(location.joined(separator: ".")): \(message)" }
}
