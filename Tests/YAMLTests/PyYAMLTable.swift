import FoundationEssentials
import JSONStream
import TestSupport
import YAML

/// The lines of `Tests/Fixtures/yaml/pyyaml.jsonl`: texts, and what PyYAML 6 says to each.
enum PyYAMLTable {
    struct Line {
        var text: String
        /// The value in the table's own notation; nil where PyYAML refuses the text.
        var value: JSONValue?
    }

    static func lines() throws -> [Line] {
        try Fixtures.text("yaml/pyyaml.jsonl").split(separator: "\n").map { line in
            let json = try JSONReader.decode(Array(line.utf8))
            return Line(text: json["text"]?.stringValue ?? "", value: json["value"])
        }
    }

    /// A node in the table's notation, `[type, content]`.
    static func notation(of node: YAMLNode) -> JSONValue {
        switch node.value {
        case .null: ["null"]
        case .bool(let bool): ["bool", .bool(bool)]
        case .integer(let integer): ["int", .string(String(integer))]
        case .float(let float): ["float", .string(hexadecimal(float))]
        case .string(let string): ["str", .string(string)]
        case .timestamp(let timestamp): ["timestamp", .string(timestamp.iso8601())]
        case .binary(let bytes):
            ["binary", .string(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())]
        case .sequence(let nodes): ["seq", .array(nodes.map(notation(of:)))]
        case .mapping(let mapping):
            ["map", .array(mapping.entries.map { [notation(of: $0.key), notation(of: $0.value)] })]
        }
    }

    /// Python's `float.hex()`.
    private static func hexadecimal(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        let sign = number.sign == .minus ? "-" : ""
        if number == 0 { return sign + "0x0.0p+0" }
        let fraction = String(number.significandBitPattern, radix: 16)
        let digits = String(repeating: "0", count: 13 - fraction.count) + fraction
        guard number.isNormal else { return "\(sign)0x0.\(digits)p-1022" }
        let exponent = Int(number.exponent)
        return "\(sign)0x1.\(digits)p\(exponent < 0 ? "" : "+")\(exponent)"
    }
}
