/// What can be told from one line of a process's log.
package enum LogLine {
    /// How much a line matters. Order: a later case matters more.
    package enum Severity: Comparable, Sendable {
        case routine
        case warning
        case error
    }

    /// Levels as nats-server and our own programs write them.
    private static let levels: [Substring: Severity] = [
        "TRC": .routine, "DBG": .routine, "INF": .routine, "WRN": .warning, "ERR": .error, "FTL": .error,
        "TRACE": .routine, "DEBUG": .routine, "INFO": .routine, "NOTICE": .routine, "WARN": .warning,
        "WARNING": .warning, "ERROR": .error, "CRITICAL": .error,
        "trace": .routine, "debug": .routine, "info": .routine, "notice": .routine, "warning": .warning,
        "error": .error, "critical": .error,
    ]

    /// The severity that the line states, or nil when it states none: part of a longer message, or the last words of
    /// a program that crashes.
    package static func severity(of line: String) -> Severity? {
        // The level stands in front, after a time; what comes later is the message's own text.
        for word in line.prefix(80).split(whereSeparator: { !$0.isLetter }) {
            if let severity = levels[word] { return severity }
        }
        return nil
    }
}
