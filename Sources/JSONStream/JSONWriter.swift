/// Appends compact JSON to one growing buffer; commas and colons come by themselves.
public struct JSONWriter {
    public struct Options: Sendable, Hashable {
        /// Write everything outside ASCII as `\uXXXX`, as Python's `json.dumps` does by default.
        public var escapesNonASCII: Bool
        public var numberStyle: JSONNumberStyle
        /// Write object members of `JSONValue` trees in ascending byte order of their keys.
        public var sortsKeys: Bool

        public init(escapesNonASCII: Bool = false, numberStyle: JSONNumberStyle = .python, sortsKeys: Bool = false) {
            self.escapesNonASCII = escapesNonASCII
            self.numberStyle = numberStyle
            self.sortsKeys = sortsKeys
        }
    }

    /// What has been written.
    public private(set) var bytes: [UInt8]
    let options: Options
    /// Whether a value written now follows another one in the same container.
    private var needsComma = false

    public init(capacity: Int = 256, options: Options = Options()) {
        bytes = []
        bytes.reserveCapacity(capacity)
        self.options = options
    }

    // MARK: Containers

    public mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    public mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    public mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    public mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    public mutating func key(_ key: String) {
        separate()
        quote(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Scalars

    public mutating func null() { word("null") }

    public mutating func write(_ value: Bool) { word(value ? "true" : "false") }

    public mutating func write(_ value: some FixedWidthInteger) {
        separate()
        append(String(value))
    }

    /// A double in the writer's style; NaN and infinities, which JSON cannot say, become null.
    public mutating func write(_ value: Double) {
        separate()
        // Every style spells these alike.
        if let decimal = ShortestDecimal(value.magnitude) { return append(decimal, isNegative: value < 0) }
        append(value.isFinite ? options.numberStyle.text(value) : "null")
    }

    /// A float32 with the shortest digits that read back as the same float32; NaN and infinities become null.
    public mutating func write(_ value: Float) {
        separate()
        append(value.isFinite ? value.description : "null")
    }

    /// A number kept as rounded decimal text, such as milliseconds with one decimal.
    public mutating func write(_ value: Double, decimals: Int) {
        separate()
        append(value.isFinite ? FixedDecimal.text(value, decimals: decimals) : "null")
    }

    public mutating func write(_ value: String) {
        separate()
        quote(value)
    }

    public mutating func write(_ values: UnsafeBufferPointer<Float>) {
        beginArray()
        for value in values { write(value) }
        endArray()
    }

    public mutating func write(_ values: some Sequence<String>) {
        beginArray()
        for value in values { write(value) }
        endArray()
    }

    /// Text that already is a JSON value.
    public mutating func writeRaw(_ json: UnsafeRawBufferPointer) {
        separate()
        bytes.append(contentsOf: json)
    }

    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): write(value)
        case .int(let value): write(value)
        case .uint(let value): write(value)
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements):
            beginArray()
            for element in elements { write(element) }
            endArray()
        case .object(let members):
            beginObject()
            let ordered =
                options.sortsKeys
                ? members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } : members
            for member in ordered {
                key(member.key)
                write(member.value)
            }
            endObject()
        }
    }

    /// The text of one value.
    public static func encode(_ value: JSONValue, options: Options = Options()) -> [UInt8] {
        var writer = JSONWriter(options: options)
        writer.write(value)
        return writer.bytes
    }

    // MARK: Internals

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func word(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ decimal: ShortestDecimal, isNegative: Bool) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: ShortestDecimal.maximumLength) { text in
            let count = decimal.write(isNegative: isNegative, to: text)
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[(text.count - count)...]))
        }
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        let plain = text.withUTF8 { utf8 in
            utf8.allSatisfy { byte in
                byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                    && (byte < 0x80 || !options.escapesNonASCII)
            }
        }
        if plain {
            append(text)
        } else if options.escapesNonASCII {
            for unit in text.utf16 { escape(unit) }
        } else {
            for byte in text.utf8 {
                if byte < 0x80 { escape(UInt16(byte)) } else { bytes.append(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ unit: UInt16) {
        switch unit {
        case 0x22: append("\\\"")
        case 0x5c: append("\\\\")
        case 0x08: append("\\b")
        case 0x0c: append("\\f")
        case 0x0a: append("\\n")
        case 0x0d: append("\\r")
        case 0x09: append("\\t")
        case 0x20..<0x80: bytes.append(UInt8(unit))
        default:
            append("\\u")
            let hex = String(unit, radix: 16)
            append(String(repeating: "0", count: 4 - hex.count) + hex)
        }
    }
}
