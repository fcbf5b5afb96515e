/// A remark for the people who read a run: what happened, and with which file.
package struct Annotation: Sendable, Equatable {
    package enum Level: String, Sendable {
        case notice
        case warning
        case error
    }

    /// Where in a file, both numbers from 1.
    package struct Place: Sendable, Equatable {
        package var line: Int
        package var column: Int
    }

    package var level: Level
    package var message: String
    /// The file it is about, relative to the repository's root; nil for the run as a whole.
    package var file: String?
    /// Where in the file; nil for the file as a whole.
    package var place: Place?

    package init(_ level: Level, _ message: String, file: String? = nil) {
        self.level = level
        self.message = message
        self.file = file
    }

    /// The remark as a GitHub workflow command.
    package var workflowCommand: String {
        var properties = file.map { " file=\(Self.escapedProperty($0))" } ?? ""
        if file != nil, let place { properties += ",line=\(place.line),col=\(place.column)" }
        return "::\(level.rawValue)\(properties)::\(Self.escapedData(message))"
    }

    /// The remark as compilers print theirs.
    package var plainText: String {
        guard let file else { return "\(level.rawValue): \(message)" }
        let position = place.map { "\(file):\($0.line):\($0.column)" } ?? file
        return "\(position): \(level.rawValue): \(message)"
    }

    /// Text that cannot end the command it stands in (`%`, CR and LF as the runner decodes them).
    package var escapedMessage: String { Self.escapedData(message) }

    private static func escapedData(_ text: String) -> String {
        escaped(text, also: [])
    }

    /// Text that cannot end its property either.
    private static func escapedProperty(_ text: String) -> String {
        escaped(text, also: [":", ","])
    }

    private static func escaped(_ text: String, also: Set<Unicode.Scalar>) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            case ":" where also.contains(":"): result += "%3A"
            case "," where also.contains(","): result += "%2C"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
