/// An element of the XML that S3 and STS answer with. Attributes, comments and processing instructions are passed over;
/// document types are refused.
package struct XMLTree: Sendable, Hashable {
    /// The name without its namespace prefix.
    package var name: String
    /// The text directly inside, entities resolved.
    package var text: String
    package var children: [XMLTree]

    /// The first child of a name.
    package subscript(name: String) -> XMLTree? { children.first { $0.name == name } }

    /// The children of a name.
    package func all(_ name: String) -> [XMLTree] { children.filter { $0.name == name } }

    /// The first element of a name, however deep.
    package func first(_ name: String) -> XMLTree? {
        if self.name == name { return self }
        for child in children { if let found = child.first(name) { return found } }
        return nil
    }

    /// Reads a document.
    ///
    /// - Returns: nil where it is malformed, is deeper than 32 elements, or has a document type.
    package init?(_ bytes: [UInt8]) {
        var reader = XMLTreeReader(bytes)
        guard let root = reader.document() else { return nil }
        self = root
    }

    init(name: String, text: String = "", children: [XMLTree] = []) {
        self.name = name
        self.text = text
        self.children = children
    }
}

/// Reads one document, front to back.
private struct XMLTreeReader {
    private static let maximumDepth = 32
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    mutating func document() -> XMLTree? {
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "<") else { return nil }
            if take("<?") {
                guard skip(past: "?>") else { return nil }
            } else if take("<!--") {
                guard skip(past: "-->") else { return nil }
            } else {
                return element(depth: 0)
            }
        }
    }

    private mutating func element(depth: Int) -> XMLTree? {
        guard depth < Self.maximumDepth, take("<"), let name = name() else { return nil }
        guard let isEmpty = restOfTag() else { return nil }
        var tree = XMLTree(name: name)
        if isEmpty { return tree }
        var text: [UInt8] = []
        while let byte = peek {
            if byte == UInt8(ascii: "&") {
                guard let character = entity() else { return nil }
                text += Array(String(character).utf8)
            } else if byte != UInt8(ascii: "<") {
                text.append(byte)
                position += 1
            } else if take("<!--") {
                guard skip(past: "-->") else { return nil }
            } else if take("<![CDATA[") {
                let start = position
                guard skip(past: "]]>") else { return nil }
                text += bytes[start..<(position - 3)]
            } else if take("</") {
                guard self.name() == name else { return nil }
                skipSpace()
                guard take(">"), let text = String(validating: text, as: UTF8.self) else { return nil }
                tree.text = text
                return tree
            } else {
                guard let child = element(depth: depth + 1) else { return nil }
                tree.children.append(child)
            }
        }
        return nil
    }

    /// - Returns: whether the tag closes its element.
    private mutating func restOfTag() -> Bool? {
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: ">"): return false
            case UInt8(ascii: "/"): return take(">") ? true : nil
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard skip(past: byte == UInt8(ascii: "'") ? "'" : "\"") else { return nil }
            case UInt8(ascii: "<"): return nil
            default: continue
            }
        }
        return nil
    }

    private mutating func name() -> String? {
        let start = position
        while let byte = peek, byte > 0x20, !"<>/=&\"'!?".utf8.contains(byte) { position += 1 }
        guard position > start else { return nil }
        return String(validating: bytes[start..<position], as: UTF8.self)?.split(separator: ":").last.map(String.init)
    }

    private mutating func entity() -> Character? {
        position += 1
        guard let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = String(decoding: bytes[position..<end], as: UTF8.self)
        position = end + 1
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.utf8.first == UInt8(ascii: "#") else { return nil }
            let digits = name.dropFirst()
            let code = digits.first == "x" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return code.flatMap(Unicode.Scalar.init).map(Character.init)
        }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ token: StaticString) -> Bool {
        let isHere = token.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if isHere { position += token.utf8CodeUnitCount }
        return isHere
    }

    private mutating func skip(past token: StaticString) -> Bool {
        while position < bytes.count {
            if take(token) { return true }
            position += 1
        }
        return false
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }
}
