import JSONStream
import YAML

/// A set of adapter modules that one kind of worker image can run.
public struct Bundle: Sendable, Hashable {
    /// The rank of a bundle among those that can serve a model; the lowest number wins.
    ///
    /// Consumers read a 32-bit integer. Other numbers are kept as they were written, because they are part of
    /// `bundles_hash`.
    public enum Priority: Sendable, Hashable, Comparable {
        case integer(Int64)
        case float(Double)

        /// The number as a double.
        public var value: Double {
            switch self {
            case .integer(let integer): Double(integer)
            case .float(let float): float
            }
        }

        /// The number in JSON.
        public var json: JSONValue {
            switch self {
            case .integer(let integer): .int(integer)
            case .float(let float): .double(float)
            }
        }

        public static func < (left: Priority, right: Priority) -> Bool { left.value < right.value }
    }

    /// The priority of a bundle that names none.
    public static let defaultPriority = Priority.integer(100)

    /// The bundle's name, compared by exact spelling.
    public var id: String
    /// Its rank; the lowest wins.
    public var priority: Priority
    /// Python-style module paths, in file order, duplicates kept.
    public var adapters: [String]

    /// The modules as a set.
    public var modules: Set<String> { Set(adapters) }

    /// Creates a bundle.
    public init(id: String, priority: Priority = Bundle.defaultPriority, adapters: [String]) {
        self.id = id
        self.priority = priority
        self.adapters = adapters
    }

    /// Reads a bundle document: `name`, `priority`, `adapters`; other keys are ignored, an empty document is a bundle
    /// of defaults.
    ///
    /// - Parameter fallbackID: the name where the document has none; for a file its stem.
    /// - Throws: `CatalogError` where `adapters` is no list (null included) or `priority` no number. Elements of
    ///   `adapters` that are no strings are dropped.
    public init(_ document: YAMLNode, fallbackID: String) throws(CatalogError) {
        if document.isNull {
            self.init(id: fallbackID, adapters: [])
            return
        }
        guard let fields = document.mapping else {
            throw CatalogError("a bundle must be a mapping, but this is \(document.kindDescription)", at: document.mark)
        }
        var adapters: [String] = []
        if let node = fields["adapters"] {
            guard let nodes = node.sequence else {
                throw CatalogError("adapters must be a list, but is \(node.kindDescription)", at: node.mark)
            }
            adapters = nodes.compactMap(\.string)
        }
        var priority = Bundle.defaultPriority
        if let node = fields["priority"] {
            switch node.value {
            case .integer(let integer): priority = .integer(Int64(clamping: integer))
            case .float(let float) where !float.isNaN: priority = .float(float)
            default: throw CatalogError("priority must be a number, but is \(node.kindDescription)", at: node.mark)
            }
        }
        self.init(id: fields["name"]?.string ?? fallbackID, priority: priority, adapters: adapters)
    }

    /// Whether the bundle comes before another in every list: lower priority first, then by name.
    public func precedes(_ other: Bundle) -> Bool {
        priority.value == other.priority.value ? id.codePointsPrecede(other.id) : priority < other.priority
    }
}

extension String {
    /// The order of code points, which is that of the UTF-8 bytes and what hashes and lists are sorted by.
    package func codePointsPrecede(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
