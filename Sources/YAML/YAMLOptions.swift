/// What a parse accepts. The defaults suit text that a stranger sent.
public struct YAMLOptions: Sendable, Hashable {
    /// What happens to a key that a mapping holds twice.
    public enum DuplicateKeys: Sendable, Hashable {
        /// The later value stays at the place of the earlier one, as PyYAML does.
        case lastWins
        /// An error.
        case reject
    }

    /// The most bytes a text may have.
    public var maximumBytes = 16 * 1024 * 1024
    /// The most collections that may nest.
    public var maximumDepth = 100
    /// The most nodes a document may have once every alias and merge key is written out, which is what stops
    /// texts of a few hundred bytes from meaning billions of nodes.
    public var maximumNodes = 1_000_000
    /// What happens to a key that a mapping holds twice.
    public var duplicateKeys = DuplicateKeys.lastWins

    /// The default limits.
    public init() {}
}
