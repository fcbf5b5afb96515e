/// How the token vectors of a sequence become one vector.
public enum Pooling: String, Sendable, CaseIterable {
    /// The first token's vector.
    case cls
    /// The mean over all tokens, special ones included.
    case mean
    /// The last token's vector.
    case last
}
