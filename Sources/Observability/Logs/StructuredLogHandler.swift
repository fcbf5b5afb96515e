import Logging

/// The log handler of every binary: one line per event, in the chosen format, to one output.
public struct StructuredLogHandler: LogHandler {
    /// Metadata that every line of this logger carries.
    public var metadata: Logger.Metadata = [:]
    /// Events below this level are not written.
    public var logLevel: Logger.Level
    /// Metadata taken from the task, if a provider is set.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let output: LogOutput
    private let repetitions: LogRepetitionFilter?

    /// Creates a handler for the logger named `label`.
    public init(label: String, level: Logger.Level, format: LogFormat, output: LogOutput) {
        self.init(label: label, level: level, format: format, output: output, repetitions: nil)
    }

    /// - Parameter repetitions: leaves out what repeats; nil for nothing.
    package init(
        label: String, level: Logger.Level, format: LogFormat, output: LogOutput, repetitions: LogRepetitionFilter?
    ) {
        self.repetitions = repetitions
        self.label = label
        logLevel = level
        self.format = format
        self.output = output
    }

    /// Reads or sets one entry of the logger's own metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one event.
    public func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() {
            merged.merge(provided) { _, new in new }
        }
        if let own = event.metadata {
            merged.merge(own) { _, new in new }
        }
        let (message, error) = (event.message.description, event.error.map { "\($0)" })
        if let repetitions, !repetitions.admits(event.level, label, message, merged, error) { return }
        let line = LogLine(
            format: format, timestamp: .now(), level: event.level, logger: label, message: message, metadata: merged,
            error: error)
        output.write(line.bytes())
    }
}
