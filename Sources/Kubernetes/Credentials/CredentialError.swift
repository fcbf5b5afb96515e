/// Credentials for an API server that cannot be had.
public struct CredentialError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where they were looked for and what is wrong there. Never a secret.
    public var description: String

    public init(_ description: String) { self.description = description }
}
