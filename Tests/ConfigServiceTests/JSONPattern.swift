import JSONStream
import YAML

/// The pattern language of the recorded answers: objects match by the keys they list, and `$` objects stand for more
/// than one value.
enum JSONPattern {
    /// What keeps `value` from matching; nil where it matches.
    static func mismatch(_ value: JSONValue, _ pattern: JSONValue, at path: String = "$") -> String? {
        switch pattern {
        case .object(let members):
            if let member = members.first, member.key.hasPrefix("$") {
                return special(value, member.key, member.value, at: path)
            }
            guard value.objectValue != nil else { return "\(path) is \(value), not an object" }
            for member in members {
                guard let found = value[member.key] else { return "\(path).\(member.key) is missing" }
                if let mismatch = mismatch(found, member.value, at: "\(path).\(member.key)") { return mismatch }
            }
            return nil
        case .array(let patterns):
            guard let elements = value.arrayValue, elements.count == patterns.count else {
                return "\(path) is \(value), not \(patterns.count) elements"
            }
            for (index, pair) in zip(elements, patterns).enumerated() {
                if let mismatch = mismatch(pair.0, pair.1, at: "\(path)[\(index)]") { return mismatch }
            }
            return nil
        default:
            return YAMLNode(json: value) == YAMLNode(json: pattern) ? nil : "\(path) is \(value), not \(pattern)"
        }
    }

    private static func special(_ value: JSONValue, _ key: String, _ argument: JSONValue, at path: String) -> String? {
        let text = value.stringValue
        let matches: Bool
        switch key {
        case "$type":
            switch argument.stringValue {
            case "string": matches = text != nil
            case "hex64": matches = text.map(isDigest) ?? false
            case "rfc3339-utc":
                matches = text.map { $0.hasSuffix("+00:00") && $0.utf8.count == 32 && $0.contains("T") } ?? false
            default: matches = false
            }
        case "$contains":
            matches = (argument.arrayValue ?? []).allSatisfy { text?.contains($0.stringValue ?? "?") ?? false }
        case "$prefix":
            matches = text?.hasPrefix(argument.stringValue ?? "?") ?? false
        case "$yaml":
            matches = text.flatMap { try? YAMLNode(parsing: $0) } == YAMLNode(json: argument)
        case "$unordered":
            let elements = value.arrayValue ?? []
            let patterns = argument.arrayValue ?? []
            matches =
                elements.count == patterns.count
                && patterns.allSatisfy { pattern in elements.contains { mismatch($0, pattern) == nil } }
        default:
            matches = false
        }
        return matches ? nil : "\(path) is \(value), which is not \(key) \(argument)"
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
