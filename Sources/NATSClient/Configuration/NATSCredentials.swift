/// How a client proves who it is.
public enum NATSCredentials: Sendable, Equatable {
    /// No credentials, or those of the server's URL.
    case none
    /// A user and a password.
    case userPassword(user: String, password: String)
    /// A token.
    case token(String)
    /// An nkey: the seed (`SU...`) signs the server's nonce with Ed25519; only the public key is sent.
    case nkey(seed: String)
    /// A credentials file: a user JWT and the seed of its nkey, as `nsc` writes it. Read again at each connect.
    case credentialsFile(path: String)
}

extension NATSCredentials: CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of credentials, with every secret left out.
    public var description: String {
        switch self {
        case .none: "none"
        case .userPassword(let user, _): "user \(user)"
        case .token: "token"
        case .nkey: "nkey"
        case .credentialsFile(let path): "credentials file \(path)"
        }
    }

    /// The same as ``description``: debug output holds no secret either.
    public var debugDescription: String { description }
}
