import CurlClient

/// Where the credentials of requests come from. A client's certificate that never changes is part of the TLS settings.
public enum CredentialSource: Sendable, Hashable {
    /// Nothing, or a client certificate alone.
    case anonymous
    case token(String)
    /// A file that somebody else keeps up to date, as the kubelet does: read again every minute.
    case tokenFile(String)
    case basic(user: String, password: String)
    /// A program that hands out credentials.
    case exec(ExecPlugin)
}

extension CredentialSource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What kind of credentials; no secret.
    public var description: String {
        switch self {
        case .anonymous: "no token"
        case .token: "a token"
        case .tokenFile(let path): "the token in \(path)"
        case .basic(let user, _): "the password of \(user)"
        case .exec(let plugin): "credentials from \(plugin.command)"
        }
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["source": description]) }
}

/// What a request is sent with.
struct Credential: Sendable, Hashable {
    /// The `Authorization` field.
    var authorization: String?
    var identity: CurlTLS.Identity?
}
