import JSONStream

/// One spelling for each value, which JSON and YAML 1.1 read alike: members sorted, no blanks, no members that are null.
///
/// The config service reads YAML, where `1e-05` is a text: a number with an exponent needs a point, as in `1.0e-05`.
enum CanonicalJSON {
    static func bytes(of value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        write(value, to: &writer)
        return writer.bytes
    }

    private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
        switch value {
        case .object(let members):
            writer.beginObject()
            // The last one counts where a name repeats.
            let last = Dictionary(members.map { ($0.key, $0.value) }) { _, last in last }
            for (key, value) in last.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
            where !value.isNull {
                writer.key(key)
                write(value, to: &writer)
            }
            writer.endObject()
        case .array(let elements):
            writer.beginArray()
            for element in elements { write(element, to: &writer) }
            writer.endArray()
        case .double(let number) where number.isFinite:
            Array(spelling(of: number).utf8).withUnsafeBytes { writer.writeRaw($0) }
        default: writer.write(value)
        }
    }

    /// As Python writes it, with a point in front of the exponent.
    private static func spelling(of number: Double) -> String {
        let text = JSONNumberStyle.python.text(number)
        let parts = text.split(separator: "e", maxSplits: 1)
        guard parts.count == 2, !parts[0].utf8.contains(UInt8(ascii: ".")) else { return text }
        return "\(parts[0]).0e\(parts[1])"
    }
}
