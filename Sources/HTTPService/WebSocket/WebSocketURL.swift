/// The parts of a WebSocket URL.
struct WebSocketURL: Equatable {
    let host: String
    let port: Int
    /// Path and query, at least `/`.
    let target: String

    /// The `host` header's value.
    var hostHeader: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == 80 ? name : "\(name):\(port)"
    }

    /// Reads `ws://host[:port][/path]`, or the same with `http`.
    init(_ url: String) throws(WebSocketError) {
        guard let scheme = ["ws://", "http://"].first(where: { url.lowercased().hasPrefix($0) }) else {
            throw WebSocketError.invalidURL(url)
        }
        let rest = url.dropFirst(scheme.count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        var target = String(rest[end...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }

        let name: Substring
        let portText: Substring?
        if authority.first == "[", let close = authority.firstIndex(of: "]") {
            name = authority[authority.index(after: authority.startIndex)..<close]
            let after = authority[authority.index(after: close)...]
            portText = after.first == ":" ? after.dropFirst() : nil
        } else if let colon = authority.lastIndex(of: ":") {
            name = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        } else {
            name = authority
            portText = nil
        }
        guard !name.isEmpty, !name.contains("@"), target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw WebSocketError.invalidURL(url)
        }
        if let portText {
            guard let port = UInt16(portText), port > 0 else { throw WebSocketError.invalidURL(url) }
            self.port = Int(port)
        } else {
            port = 80
        }
        host = String(name)
        self.target = target
    }
}
