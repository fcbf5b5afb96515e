import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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
    /// What tells one state of the file from another.
    private struct Signature: Equatable {
        var file: UInt64
        var bytes: Int64
        var seconds: Int64
        var nanoseconds: Int64
    }

    private let path: String
    private let known = Mutex<(signature: Signature, token: String)?>(nil)

    /// Names a file; it need not exist yet.
    init(path: String) {
        self.path = path
    }

    /// The token; empty where the file cannot be read. One `stat` of a file that is in memory, unless it has changed.
    var token: String {
        guard let signature = signature() else { return "" }
        if let known = known.withLock({ $0 }), known.signature == signature { return known.token }
        guard let bytes = try? PosixDisk().read(path), let text = String(validating: bytes, as: UTF8.self) else {
            return ""
        }
        var token = text[...]
        while let last = token.unicodeScalars.last, last.properties.isWhitespace { token.unicodeScalars.removeLast() }
        while let first = token.unicodeScalars.first, first.properties.isWhitespace {
            token.unicodeScalars.removeFirst()
        }
        let read = String(token)
        known.withLock { $0 = (signature, read) }
        return read
    }

    private func signature() -> Signature? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        return Signature(
            file: UInt64(truncatingIfNeeded: status.st_ino), bytes: Int64(status.st_size), seconds: Int64(time.tv_sec),
            nanoseconds: Int64(time.tv_nsec))
    }
}
