#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Unbuffered writes to the standard streams: a line is there at once, whole, also when the output is a pipe.
enum StandardStreams {
    /// For what the user asked for: the address and the examples.
    static func writeOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// For logs, progress and failures.
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Whether standard error is a terminal whose user wants colours (https://no-color.org).
    static func errorShowsColours(environment: [String: String]) -> Bool {
        isatty(STDERR_FILENO) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            // A reader that has gone away takes nothing with it but the text.
            guard written > 0 || (written < 0 && errno == EINTR) else { return }
            rest = rest.dropFirst(max(written, 0))
        }
    }
}

// Inside the type, `write` names its own member.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
