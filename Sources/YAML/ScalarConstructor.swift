/// Gives the text of a scalar the value of its type, with PyYAML's arithmetic.
enum ScalarConstructor {
    /// The value of `text` under `tag`.
    ///
    /// - Throws: `YAMLError` where the text does not fit the type. Integers beyond 128 bits count as that too; Python
    ///   would keep them, but nothing that reads a configuration could.
    static func value(of text: String, tag: YAMLTag, at mark: YAMLMark) throws(YAMLError) -> YAMLNode.Value {
        switch tag {
        case .str:
            return .string(text)
        case .null:
            return .null
        case .bool:
            switch text.lowercased() {
            case "yes", "true", "on": return .bool(true)
            case "no", "false", "off": return .bool(false)
            default: throw YAMLError(.scalar, "'\(excerpt(text))' is not a boolean", at: mark)
            }
        case .int:
            guard let integer = integer(text) else {
                throw YAMLError(.scalar, "'\(excerpt(text))' is not an integer of at most 128 bits", at: mark)
            }
            return .integer(integer)
        case .float:
            guard let float = float(text) else {
                throw YAMLError(.scalar, "'\(excerpt(text))' is not a float", at: mark)
            }
            return .float(float)
        case .timestamp:
            guard let timestamp = TimestampParser.timestamp(text) else {
                throw YAMLError(.scalar, "'\(excerpt(text))' is not a date or time", at: mark)
            }
            return .timestamp(timestamp)
        case .binary:
            guard let bytes = Base64.bytes(of: text) else {
                throw YAMLError(.scalar, "the scalar is not base64", at: mark)
            }
            return .binary(bytes)
        case .merge:
            throw YAMLError(.reference, "'<<' is a merge key and no value; quote it to mean the text", at: mark)
        case .value:
            throw YAMLError(.tag, "'=' has no value of its own; quote it to mean the text", at: mark)
        case .seq, .map, .set, .omap, .pairs:
            throw YAMLError(.tag, "the tag !!\(tag.rawValue) needs a collection, but this is a scalar", at: mark)
        }
    }

    private static func integer(_ text: String) -> Int128? {
        var digits = text.utf8.filter { $0 != 0x5F }[...]
        guard let first = digits.first else { return nil }
        let isNegative = first == 0x2D
        if isNegative || first == 0x2B { digits = digits.dropFirst() }
        if digits.elementsEqual("0".utf8) { return 0 }
        if digits.starts(with: "0b".utf8) { return integer(digits.dropFirst(2), radix: 2, isNegative) }
        if digits.starts(with: "0x".utf8) { return integer(digits.dropFirst(2), radix: 16, isNegative) }
        if digits.first == 0x30 { return integer(digits, radix: 8, isNegative) }
        guard digits.contains(0x3A) else { return integer(digits, radix: 10, isNegative) }

        var total: Int128 = 0
        for part in digits.split(separator: 0x3A, omittingEmptySubsequences: false) {
            guard let part = integer(part, radix: 10, false) else { return nil }
            let (scaled, overflow) = total.multipliedReportingOverflow(by: 60)
            let (sum, overflowed) = scaled.addingReportingOverflow(part)
            if overflow || overflowed { return nil }
            total = sum
        }
        return isNegative ? -total : total
    }

    private static func integer(_ digits: ArraySlice<UInt8>, radix: Int, _ isNegative: Bool) -> Int128? {
        // The standard initialiser reads a sign of its own.
        guard let first = digits.first, first != 0x2D, first != 0x2B else { return nil }
        return Int128((isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self), radix: radix)
    }

    private static func float(_ text: String) -> Double? {
        var digits = text.lowercased().filter { $0 != "_" }[...]
        guard let first = digits.first else { return nil }
        let sign: Double = first == "-" ? -1 : 1
        if first == "-" || first == "+" { digits = digits.dropFirst() }
        if digits == ".inf" { return sign * .infinity }
        if digits == ".nan" { return .nan }
        guard digits.contains(":") else { return pythonFloat(digits).map { sign * $0 } }

        var total = 0.0
        var base = 1.0
        for part in digits.split(separator: ":", omittingEmptySubsequences: false).reversed() {
            guard let part = pythonFloat(part) else { return nil }
            total += part * base
            base *= 60
        }
        return sign * total
    }

    /// Python's `float()`, without the white space and the hexadecimal that Swift and Python treat differently.
    private static func pythonFloat(_ text: Substring) -> Double? {
        if ["inf", "infinity"].contains(text) { return .infinity }
        if text == "nan" { return .nan }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || ".e+-".utf8.contains($0) }) else { return nil }
        // Swift wants a digit on both sides of the point, Python on either.
        var text = String(text)
        if text.hasPrefix(".") { text = "0" + text }
        if let point = text.firstIndex(of: ".") {
            let next = text.index(after: point)
            if next == text.endIndex || text[next] == "e" { text.insert("0", at: next) }
        }
        return Double(text)
    }

    private static func excerpt(_ text: String) -> String {
        text.count > 40 ? text.prefix(40) + "…" : text
    }
}
