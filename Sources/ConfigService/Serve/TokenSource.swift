import Settings
import Synchronization

/// Where a token comes from.
enum TokenSource: Sendable {
    /// The environment.
    case value(String)
    /// A file, which is read again when it changes.
    case file(TokenFile)

    /// The token as it is now; an empty one opens nothing. Secret: never logged.
    var current: String {
        switch self {
        case .value(let token): token
        case .file(let file): file.token
        }
    }
}

/// A file that holds a token, white space around it aside. Kubernetes replaces such files when a secret changes.
final class TokenFile: Sendable {
    private let path: String
    private let known = Mutex<(fingerprint: FileFingerprint, token: String)?>(nil)

    /// Names a file; it need not exist yet.
    init(path: String) {
        self.path = path
    }

    /// The token; empty where the file cannot be read. One `stat` of a file that is in memory, unless it has changed.
    var token: String {
        guard let fingerprint = FileFingerprint(of: path) else { return "" }
        if let known = known.withLock({ $0 }), known.fingerprint == fingerprint { return known.token }
        guard let bytes = try? PosixDisk().read(path), let text = String(validating: bytes, as: UTF8.self) else {
            return ""
        }
        var token = text[...]
        while let last = token.unicodeScalars.last, last.properties.isWhitespace { token.unicodeScalars.removeLast() }
        while let first = token.unicodeScalars.first, first.properties.isWhitespace {
            token.unicodeScalars.removeFirst()
        }
        let read = String(token)
        known.withLock { $0 = (fingerprint, read) }
        return read
    }
}
