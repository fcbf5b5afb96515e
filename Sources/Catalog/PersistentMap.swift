import HashTreeCollections

/// Values by names. A copy in which one value is another shares all the rest with the original, however many there are: what
/// a writer changes while readers keep the state before it costs the same in a large catalogue as in a small one.
public struct PersistentMap<Value: Sendable>: Sendable {
    private var values: TreeDictionary<String, Value> = [:]

    /// Creates an empty map.
    public init() {}

    /// The value of a name; nil takes it away.
    public subscript(name: String) -> Value? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// How many names have a value.
    public var count: Int { values.count }
    /// Whether no name has one.
    public var isEmpty: Bool { values.isEmpty }
    /// The names, in no order.
    public var names: some Collection<String> { values.keys }
}

extension PersistentMap: Sequence {
    /// In no order.
    public func makeIterator() -> some IteratorProtocol<(key: String, value: Value)> { values.makeIterator() }
}
