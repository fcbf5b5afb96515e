import Logging

/// Appends the members of one JSON object to a byte array.
struct LogJSONObject {
    private var bytes: [UInt8]
    private var isEmpty = true

    init(into bytes: [UInt8]) {
        self.bytes = bytes
        self.bytes.append(UInt8(ascii: "{"))
    }

    /// Closes the object and returns all bytes.
    consuming func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Gives the bytes away, so that a nested object can continue them; ``put(_:)`` takes them back.
    mutating func take() -> [UInt8] {
        let taken = bytes
        bytes = []
        return taken
    }

    mutating func put(_ continued: [UInt8]) {
        bytes = continued
    }

    mutating func key(_ key: String) {
        if !isEmpty { bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
        Self.append(string: key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func string(_ key: String, _ value: String) {
        self.key(key)
        Self.append(string: value, to: &bytes)
    }

    mutating func timestamp(_ timestamp: LogTimestamp) {
        key("timestamp")
        bytes.append(UInt8(ascii: "\""))
        timestamp.write(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds the metadata in the order of their keys; a key that the line itself uses gets a trailing underscore.
    mutating func metadata(_ metadata: Logger.Metadata, reserved: Set<String>) {
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            self.key(reserved.contains(key) ? key + "_" : key)
            Self.append(value, to: &bytes)
        }
    }

    private static func append(_ value: Logger.MetadataValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let string):
            append(string: string, to: &bytes)
        case .stringConvertible(let convertible):
            switch convertible {
            case let integer as any FixedWidthInteger: bytes.append(contentsOf: "\(integer)".utf8)
            case let boolean as Bool: bytes.append(contentsOf: "\(boolean)".utf8)
            case let double as Double where double.isFinite: bytes.append(contentsOf: "\(double)".utf8)
            default: append(string: convertible.description, to: &bytes)
            }
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(element, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, (key, element)) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(string: key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                append(element, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func append(string: String, to bytes: inout [UInt8]) {
        let hex: StaticString = "0123456789abcdef"
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hex.utf8Start[Int(byte >> 4)])
                bytes.append(hex.utf8Start[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
