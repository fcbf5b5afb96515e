/// Where one server of the pool is, from a URL such as `nats://user:secret@host:4222`.
public struct NATSServerAddress: Sendable, Hashable {
    /// Host name or IP address, without the brackets of an IPv6 URL.
    public var host: String
    /// TCP port.
    public var port: Int
    /// Whether the URL's scheme was `tls`.
    public var requiresTLS: Bool
    /// The user, or the token where ``password`` is `nil`, that stood in the URL.
    public var user: String?
    /// The password that stood in the URL.
    public var password: String?

    /// A server by host and port.
    public init(host: String, port: Int = 4222) {
        self.host = host
        self.port = port
        self.requiresTLS = false
    }

    /// Reads `[nats://|tls://][user[:password]@]host[:port]`; IPv6 hosts stand in brackets.
    /// - Throws: ``NATSError/invalidURL(_:)`` with the host part alone, since the rest may hold a secret.
    public init(url: String) throws(NATSError) {
        var rest = Substring(url.drop(while: \.isWhitespace))
        while rest.last?.isWhitespace == true { rest.removeLast() }
        self.requiresTLS = false
        if let scheme = rest.firstRange(of: "://") {
            switch rest[..<scheme.lowerBound].lowercased() {
            case "nats": break
            case "tls": self.requiresTLS = true
            default: throw .invalidURL(String(rest[..<scheme.upperBound]))
            }
            rest = rest[scheme.upperBound...]
        }
        if let at = rest.lastIndex(of: "@") {
            let userInformation = rest[..<at]
            rest = rest[rest.index(after: at)...]
            if let colon = userInformation.firstIndex(of: ":") {
                self.user = Self.percentDecoded(userInformation[..<colon])
                self.password = Self.percentDecoded(userInformation[userInformation.index(after: colon)...])
            } else {
                self.user = Self.percentDecoded(userInformation)
            }
        }
        while rest.last == "/" { rest.removeLast() }
        let shown = String(rest)
        if rest.first == "[" {
            guard let close = rest.firstIndex(of: "]") else { throw .invalidURL(shown) }
            self.host = String(rest[rest.index(after: rest.startIndex)..<close])
            rest = rest[rest.index(after: close)...]
        } else {
            let colon = rest.firstIndex(of: ":") ?? rest.endIndex
            self.host = String(rest[..<colon])
            rest = rest[colon...]
        }
        if rest.isEmpty {
            self.port = 4222
        } else {
            guard rest.first == ":", let port = UInt16(rest.dropFirst()), port > 0 else { throw .invalidURL(shown) }
            self.port = Int(port)
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { throw .invalidURL(shown) }
    }

    private static func percentDecoded(_ text: Substring) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var source = text.utf8[...]
        while let byte = source.popFirst() {
            if byte == UInt8(ascii: "%"), source.count >= 2,
                let value = UInt8(String(decoding: source.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                source = source.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension NATSServerAddress: CustomStringConvertible {
    /// `host:port`, with no user and no password.
    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
