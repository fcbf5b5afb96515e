/// The headers of a message: an ordered list of names and values, names compared exactly as NATS does.
public struct NATSHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One header line.
    public struct Entry: Sendable, Hashable {
        /// The name as sent.
        public var name: String
        /// The value without the white space around it.
        public var value: String
    }

    /// All lines, in the order sent.
    public private(set) var entries: [Entry]

    /// No headers.
    public init() { self.entries = [] }

    /// Headers in the order of the literal; a name may stand more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.entries = elements.map { Entry(name: $0.0, value: $0.1) }
    }

    /// Whether there is no header at all.
    public var isEmpty: Bool { entries.isEmpty }

    /// The first value of a name. Setting replaces every line of that name; `nil` removes them.
    public subscript(name: String) -> String? {
        get { entries.first { $0.name == name }?.value }
        set {
            entries.removeAll { $0.name == name }
            if let newValue { entries.append(Entry(name: name, value: newValue)) }
        }
    }

    /// Every value of a name, in order.
    public func values(of name: String) -> [String] {
        entries.filter { $0.name == name }.map(\.value)
    }

    /// Adds a line, keeping those of the same name.
    public mutating func append(name: String, value: String) {
        entries.append(Entry(name: name, value: value))
    }
}
