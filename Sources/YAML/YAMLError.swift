/// Why a YAML text was refused, and where.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What sort of rule the text broke.
    public enum Kind: Sendable, Hashable {
        /// The bytes are no UTF-8, or hold characters that YAML does not allow.
        case encoding
        /// The text is no YAML.
        case syntax
        /// An alias, an anchor or a merge key that cannot be followed.
        case reference
        /// A tag that safe YAML does not know, or that does not fit its node.
        case tag
        /// A scalar whose text does not give a value of its type.
        case scalar
        /// A mapping key that is a collection, or that stands twice where that is refused.
        case key
        /// Size, depth or alias expansion above the limits.
        case limit
    }

    /// What sort of rule the text broke.
    public var kind: Kind
    /// What is wrong, without the position.
    public var message: String
    /// Where.
    public var mark: YAMLMark

    /// Creates an error.
    public init(_ kind: Kind, _ message: String, at mark: YAMLMark) {
        self.kind = kind
        self.message = message
        self.mark = mark
    }

    public var description: String { "\(mark): \(message)" }
}
