import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes the log lines of all processes to standard error, each with the name of its process in front, and keeps the
/// last ones of each for the report of a failure.
package final class LogPrinter: Sendable {
    private let quiet: Bool
    private let prefixes: [String: String]
    private let lastLines = Mutex<[String: [String]]>([:])

    /// How many lines of a process are kept.
    private static let keptLines = 20

    /// Foreground colours that can be read on light and on dark terminals.
    private static let colours = [36, 35, 34, 32, 33]

    /// - Parameters:
    ///   - names: The processes; prefixes are as wide as the longest name.
    ///   - quiet: Show warnings and worse only.
    ///   - coloured: Whether the reader is a terminal that shows colours.
    package init(names: [String], quiet: Bool, coloured: Bool) {
        self.quiet = quiet
        let width = names.map(\.count).max() ?? 0
        self.prefixes = Dictionary(
            uniqueKeysWithValues: names.enumerated().map { index, name in
                let padded = name + String(repeating: " ", count: width - name.count)
                guard coloured else { return (name, "\(padded) | ") }
                return (name, "\u{1B}[\(Self.colours[index % Self.colours.count])m\(padded) |\u{1B}[0m ")
            })
    }

    /// Takes one line of a process's output.
    package func take(_ line: String, from name: String) {
        lastLines.withLock { kept in
            var lines = kept[name] ?? []
            if lines.count == Self.keptLines { lines.removeFirst() }
            lines.append(line)
            kept[name] = lines
        }
        guard let text = rendered(line, from: name) else { return }
        StandardStreams.writeError(text)
    }

    /// What is written for a line: nil when it is not to be shown.
    package func rendered(_ line: String, from name: String) -> String? {
        // A line without a level may be the end of a crash: it is shown in quiet mode too.
        if quiet, LogLine.severity(of: line) == .routine { return nil }
        return "\(prefixes[name] ?? "\(name) | ")\(line)\n"
    }

    /// The last lines of a process, oldest first.
    package func lastLines(of name: String) -> [String] {
        lastLines.withLock { $0[name] ?? [] }
    }
}
