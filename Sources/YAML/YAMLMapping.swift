/// The entries of a mapping in the order of their first appearance, with keys of any scalar type.
public struct YAMLMapping: Sendable, Equatable {
    /// A key with its value.
    public struct Entry: Sendable {
        public var key: YAMLNode
        public var value: YAMLNode
    }

    /// The entries in order.
    public private(set) var entries: [Entry] = []
    private var positions: [YAMLKey: Int] = [:]

    /// Creates an empty mapping.
    public init() {}

    /// The number of entries.
    public var count: Int { entries.count }

    /// Whether there are none.
    public var isEmpty: Bool { entries.isEmpty }

    /// The value of a string key. Setting nil removes the entry; setting a known key keeps its place.
    public subscript(_ key: String) -> YAMLNode? {
        get { positions[.string(key)].map { entries[$0].value } }
        set {
            if let newValue {
                set(YAMLNode(.string(key)), newValue)
            } else if let position = positions.removeValue(forKey: .string(key)) {
                entries.remove(at: position)
                for (key, other) in positions where other > position { positions[key] = other - 1 }
            }
        }
    }

    /// Sets a value; a key that is there keeps its place and its own spelling, as in a Python dictionary.
    ///
    /// - Returns: whether the key was new.
    @discardableResult
    public mutating func set(_ key: YAMLNode, _ value: YAMLNode) -> Bool {
        let known = YAMLKey(key)
        if let position = positions[known] {
            entries[position].value = value
            return false
        }
        positions[known] = entries.count
        entries.append(Entry(key: key, value: value))
        return true
    }

    public static func == (left: YAMLMapping, right: YAMLMapping) -> Bool {
        left.count == right.count
            && left.positions.allSatisfy { key, position in
                right.positions[key].map { left.entries[position].value == right.entries[$0].value } ?? false
            }
    }
}
