/// A cluster configuration that cannot be used.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file and the entry at fault, what is wrong and what to do about it. Never a secret.
    public var description: String

    public init(_ description: String) { self.description = description }
}
