import Logging

/// Builds one log line, with its line feed, in one of the formats.
package struct LogLine {
    package let format: LogFormat
    package let timestamp: LogTimestamp
    package let level: Logger.Level
    package let logger: String
    package let message: String
    package let metadata: Logger.Metadata
    package let error: String?

    package init(
        format: LogFormat, timestamp: LogTimestamp, level: Logger.Level, logger: String, message: String,
        metadata: Logger.Metadata, error: String? = nil
    ) {
        self.format = format
        self.timestamp = timestamp
        self.level = level
        self.logger = logger
        self.message = message
        self.metadata = metadata
        self.error = error
    }

    package func bytes() -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(192)
        switch format {
        case .text: writeText(to: &line)
        case .json: writeJSON(to: &line)
        case .nestedJSON: writeNestedJSON(to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func writeText(to line: inout [UInt8]) {
        timestamp.write(to: &line)
        let name = level.displayName
        line.append(contentsOf: " | \(name)\(String(repeating: " ", count: max(0, 8 - name.count))) | ".utf8)
        line.append(contentsOf: "\(logger) - ".utf8)
        Self.appendOnOneLine(message, to: &line)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line.append(contentsOf: " \(key)=".utf8)
            Self.appendOnOneLine("\(value)", to: &line)
        }
        if let error {
            line.append(contentsOf: " error=".utf8)
            Self.appendOnOneLine(error, to: &line)
        }
    }

    private func writeJSON(to line: inout [UInt8]) {
        var object = LogJSONObject(into: line)
        object.timestamp(timestamp)
        object.string("level", level.displayName)
        object.string("logger", logger)
        object.string("message", message)
        object.metadata(metadata, reserved: ["timestamp", "level", "logger", "message", "exception"])
        if let error { object.string("exception", error) }
        line = object.finish()
    }

    private func writeNestedJSON(to line: inout [UInt8]) {
        var object = LogJSONObject(into: line)
        object.timestamp(timestamp)
        object.string("level", level.displayName)
        object.key("fields")
        var fields = LogJSONObject(into: object.take())
        fields.string("message", message)
        fields.metadata(metadata, reserved: ["message", "error"])
        if let error { fields.string("error", error) }
        object.put(fields.finish())
        object.string("target", logger)
        line = object.finish()
    }

    /// A line feed inside a value would let a client forge log lines.
    private static func appendOnOneLine(_ string: String, to line: inout [UInt8]) {
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): line.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): line.append(contentsOf: "\\r".utf8)
            case 0..<0x20, 0x7F: line.append(UInt8(ascii: "?"))
            default: line.append(byte)
            }
        }
    }
}

extension Logger.Level {
    /// The name that log lines carry: `DEBUG`, `INFO`, `WARNING`, `ERROR`.
    package var displayName: String {
        switch self {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .notice: "NOTICE"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }
}
