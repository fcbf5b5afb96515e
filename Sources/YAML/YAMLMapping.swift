/// The entries of a mapping in the order of their first appearance, with keys of any scalar type.
public struct YAMLMapping: Sendable, Equatable {
    /// A key with its value.
    public struct Entry: Sendable {
        public var key: YAMLNode
        public var value: YAMLNode
    }

    /// The entries in order.
    public private(set) var entries: [Entry] = []
    /// Where each key stands. Nil while there are few: looking through them is as quick then, and a catalogue keeps very
    /// many small mappings.
    private var positions: [YAMLKey: Int]?

    /// The most entries that are looked through.
    private static let maximumUnindexed = 12

    /// Creates an empty mapping.
    public init() {}

    /// Makes room for so many entries, and no more.
    mutating func reserveCapacity(_ count: Int) {
        entries.reserveCapacity(count)
    }

    /// The number of entries.
    public var count: Int { entries.count }

    /// Whether there are none.
    public var isEmpty: Bool { entries.isEmpty }

    /// The value of a string key. Setting nil removes the entry; setting a known key keeps its place.
    public subscript(_ key: String) -> YAMLNode? {
        get { position(of: .string(key)).map { entries[$0].value } }
        set {
            if let newValue {
                set(YAMLNode(.string(key)), newValue)
            } else if let position = position(of: .string(key)) {
                entries.remove(at: position)
                index()
            }
        }
    }

    /// Sets a value; a key that is there keeps its place and its own spelling, as in a Python dictionary.
    ///
    /// - Returns: whether the key was new.
    @discardableResult
    public mutating func set(_ key: YAMLNode, _ value: YAMLNode) -> Bool {
        let known = YAMLKey(key)
        if let position = position(of: known) {
            entries[position].value = value
            return false
        }
        entries.append(Entry(key: key, value: value))
        if positions == nil {
            index()
        } else {
            positions?[known] = entries.count - 1
        }
        return true
    }

    private func position(of key: YAMLKey) -> Int? {
        if let positions { return positions[key] }
        return entries.firstIndex { YAMLKey($0.key) == key }
    }

    /// Notes where each key stands, if there are many.
    private mutating func index() {
        positions =
            entries.count > Self.maximumUnindexed
            ? Dictionary(uniqueKeysWithValues: entries.enumerated().map { (YAMLKey($1.key), $0) }) : nil
    }

    public static func == (left: YAMLMapping, right: YAMLMapping) -> Bool {
        left.count == right.count
            && left.entries.allSatisfy { entry in
                right.position(of: YAMLKey(entry.key)).map { entry.value == right.entries[$0].value } ?? false
            }
    }
}
