import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The logging settings of a process.
public struct LogConfiguration: Sendable, Equatable {
    /// Where lines go.
    public enum Destination: Sendable, Equatable {
        /// Standard output, where containers' logs are collected from.
        case standardOutput
        /// Standard error, for commands whose standard output is their result.
        case standardError
    }

    /// Events below this level are not written.
    public var level: Logger.Level
    /// The form of the lines.
    public var format: LogFormat
    /// Where they go.
    public var destination: Destination
    /// Whether a warning or error that repeats is written ten times a minute at most, and counted beyond.
    public var summarizesRepetitions: Bool

    /// Creates settings.
    public init(
        level: Logger.Level = .info, format: LogFormat = .text, destination: Destination = .standardOutput,
        summarizesRepetitions: Bool = false
    ) {
        self.level = level
        self.format = format
        self.destination = destination
        self.summarizesRepetitions = summarizesRepetitions
    }

    /// The level that `name` means: `debug`, `info`, `warn` or `warning`, `error`, in any case, also `trace` and
    /// `critical`; any other text means `info`.
    public static func level(named name: String) -> Logger.Level {
        switch name.lowercased() {
        case "trace": .trace
        case "debug": .debug
        case "notice": .notice
        case "warn", "warning": .warning
        case "error": .error
        case "critical", "fatal": .critical
        default: .info
        }
    }

    /// Installs these settings as the process's logging system. Call once, at the start of a program.
    ///
    /// Lines still queued are written when the process exits.
    public func bootstrap() {
        let output: LogOutput
        switch destination {
        case .standardOutput:
            output = .standardOutput
            atexit { LogOutput.standardOutput.flush() }
        case .standardError:
            output = .standardError
            atexit { LogOutput.standardError.flush() }
        }
        let (level, format) = (level, format)
        let repetitions = summarizesRepetitions ? LogRepetitionFilter(output: output, format: format) : nil
        LoggingSystem.bootstrap { label in
            StructuredLogHandler(
                label: label, level: level, format: format, output: output, repetitions: repetitions)
        }
    }
}
