/// The type that PyYAML gives an untagged plain scalar.
///
/// The patterns of its resolver, each as a small matcher over the bytes, tried in its order and chosen by the first
/// byte as it does. What they do not match is a string; that includes `1e3`, `.5e3`, `-.5`, `0o17` and `08`.
enum ScalarResolver {
    /// The type of a plain scalar.
    static func tag(of text: String) -> YAMLTag {
        var text = text
        return text.withUTF8 { bytes in
            guard let first = bytes.first else { return .null }
            switch Unicode.Scalar(first) {
            case "y", "Y", "t", "T", "f", "F", "o", "O": return isBool(bytes) ? .bool : .str
            case "n", "N": return isBool(bytes) ? .bool : isNull(bytes) ? .null : .str
            case "~": return bytes.count == 1 ? .null : .str
            case "<": return bytes.count == 2 && bytes[1] == 0x3C ? .merge : .str
            case "=": return bytes.count == 1 ? .value : .str
            case ".": return isFloat(bytes) ? .float : .str
            case "-", "+": return isFloat(bytes) ? .float : isInteger(bytes) ? .int : .str
            case "0"..."9":
                return isFloat(bytes) ? .float : isInteger(bytes) ? .int : isTimestamp(bytes) ? .timestamp : .str
            default: return .str
            }
        }
    }

    private static let bools = [
        "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE", "on", "On", "ON",
        "off", "Off", "OFF",
    ]
    private static let nulls = ["null", "Null", "NULL"]

    private static func isBool(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count <= 5 && bools.contains { $0.utf8.elementsEqual(bytes) }
    }

    private static func isNull(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count == 4 && nulls.contains { $0.utf8.elementsEqual(bytes) }
    }

    private static func isFloat(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var cursor = ByteCursor(bytes)
        let signed = cursor.skip { $0 == "+" || $0 == "-" }
        guard let first = cursor.peek else { return false }
        if first == "." {
            cursor.advance()
            for word in ["inf", "Inf", "INF"] where cursor.rest(equals: word) { return true }
            if signed { return false }  // neither a signed `.5` nor a signed `.nan` is a float
            for word in ["nan", "NaN", "NAN"] where cursor.rest(equals: word) { return true }
            guard cursor.skip(ByteCursor.isDigit) else { return false }
            cursor.skipAll(ByteCursor.isDigitOrUnderscore)
            return cursor.isAtEnd || isExponent(&cursor)
        }
        guard cursor.skip(ByteCursor.isDigit) else { return false }
        cursor.skipAll(ByteCursor.isDigitOrUnderscore)
        if cursor.peek == "." {
            cursor.advance()
            cursor.skipAll(ByteCursor.isDigitOrUnderscore)
            return cursor.isAtEnd || isExponent(&cursor)
        }
        guard skipSexagesimal(&cursor), cursor.skip({ $0 == "." }) else { return false }
        cursor.skipAll(ByteCursor.isDigitOrUnderscore)
        return cursor.isAtEnd
    }

    /// `[eE][-+][0-9]+` up to the end: the sign is not optional.
    private static func isExponent(_ cursor: inout ByteCursor) -> Bool {
        guard cursor.skip({ $0 == "e" || $0 == "E" }), cursor.skip({ $0 == "+" || $0 == "-" }),
            cursor.skip(ByteCursor.isDigit)
        else { return false }
        cursor.skipAll(ByteCursor.isDigit)
        return cursor.isAtEnd
    }

    /// `(?::[0-5]?[0-9])+`
    private static func skipSexagesimal(_ cursor: inout ByteCursor) -> Bool {
        var count = 0
        while cursor.peek == ":" {
            cursor.advance()
            guard let first = cursor.peek, cursor.skip(ByteCursor.isDigit) else { return false }
            if first <= "5" { cursor.skip(ByteCursor.isDigit) }
            count += 1
        }
        return count > 0
    }

    private static func isInteger(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var cursor = ByteCursor(bytes)
        cursor.skip { $0 == "+" || $0 == "-" }
        guard let first = cursor.peek, cursor.skip(ByteCursor.isDigit) else { return false }
        if cursor.isAtEnd { return true }
        guard first == "0" else {
            cursor.skipAll(ByteCursor.isDigitOrUnderscore)
            return cursor.isAtEnd || (skipSexagesimal(&cursor) && cursor.isAtEnd)
        }
        switch cursor.peek {
        case "b":
            cursor.advance()
            return !cursor.isAtEnd && cursor.restSatisfies { $0 == "0" || $0 == "1" || $0 == "_" }
        case "x":
            cursor.advance()
            return !cursor.isAtEnd && cursor.restSatisfies { ByteCursor.isHexDigit($0) || $0 == "_" }
        default:
            return cursor.restSatisfies { ("0"..."7").contains($0) || $0 == "_" }
        }
    }

    private static func isTimestamp(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let shape = TimestampParser.shape(of: bytes) else { return false }
        // A bare date needs two digits for month and day; with a time one is enough.
        return shape.hasTime || bytes.count == 10
    }
}
