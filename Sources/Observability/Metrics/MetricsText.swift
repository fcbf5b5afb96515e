/// Writes the Prometheus text exposition format, version 0.0.4.
///
/// Format: https://prometheus.io/docs/instrumenting/exposition_formats/
public struct MetricsText: Sendable {
    /// The `Content-Type` of a scrape's answer.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The UTF-8 bytes written so far.
    public private(set) var bytes: [UInt8] = []

    /// Creates an empty text.
    public init() {}

    mutating func append(_ string: String) {
        var string = string
        string.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func header(name: String, help: String, kind: String) {
        append("# HELP \(name) \(Self.escapedHelp(help))\n# TYPE \(name) \(kind)\n")
    }

    /// Appends one sample line.
    ///
    /// - Parameters:
    ///   - extra: One more rendered pair (`le="0.5"`), or nothing.
    ///   - value: The sample's value as ``number(_:)`` or an integer writes it.
    mutating func sample(_ name: String, _ labels: RenderedLabels, extra: String = "", value: String) {
        append(name)
        if !labels.pairs.isEmpty || !extra.isEmpty {
            append("{")
            append(labels.pairs)
            if !labels.pairs.isEmpty && !extra.isEmpty { append(",") }
            append(extra)
            append("}")
        }
        append(" ")
        append(value)
        append("\n")
    }

    /// Appends one sample line with labels that nobody keeps: a scrape may have a hundred thousand of them.
    mutating func sample(_ name: String, labels: [String], values: [String], value: Double) {
        append(name)
        if !labels.isEmpty {
            append("{")
            appendPairs(labels, values)
            append("}")
        }
        append(" ")
        append(Self.number(value))
        append("\n")
    }

    /// Appends the label pairs of a series, without braces.
    mutating func appendPairs(_ names: [String], _ values: [String]) {
        var separator = ""
        for (name, value) in zip(names, values) {
            append(separator)
            append(name)
            append("=\"")
            append(Self.escapedLabelValue(value))
            append("\"")
            separator = ","
        }
    }

    /// The text of a floating point sample: whole numbers without a fraction, infinities and NaN in Prometheus's spelling.
    package static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), value.magnitude < 1e15 { return String(whole) }
        return value.description
    }

    /// Escapes backslash, double quote and line feed, as label values require.
    package static func escapedLabelValue(_ value: String) -> String {
        escaped(value, quotes: true)
    }

    /// Escapes backslash and line feed, as help texts require.
    package static func escapedHelp(_ value: String) -> String {
        escaped(value, quotes: false)
    }

    private static func escaped(_ value: String, quotes: Bool) -> String {
        let special = value.utf8.contains {
            $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\"")
        }
        guard special else { return value }
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    package static func isMetricName(_ name: String) -> Bool {
        isName(name, colons: true)
    }

    package static func isLabelName(_ name: String) -> Bool {
        isName(name, colons: false) && !name.hasPrefix("__")
    }

    private static func isName(_ name: String, colons: Bool) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): colons
            default: false
            }
        }
    }
}
