/// How a log line is written.
public enum LogFormat: Sendable, Equatable {
    /// For people: `time | LEVEL    | logger - message key=value`.
    case text
    /// One JSON object a line with the keys `timestamp`, `level`, `logger`, `message`, the metadata beside them, and
    /// `exception` when there is an error.
    case json
    /// One JSON object a line in the gateway's form: `timestamp`, `level`, `fields` (holding `message` and the metadata)
    /// and `target`.
    case nestedJSON
}
