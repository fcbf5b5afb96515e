extension JSONReader {
    /// The rest of a string that holds an escape; `start` is where its content began.
    mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var text: [UInt8] = Array(base[start..<offset])
        while offset < base.count {
            let byte = base[offset]
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error(.invalidUTF8, at: start)
                }
                offset += 1
                return string
            case UInt8(ascii: "\\"):
                offset += 1
                guard offset < base.count else { throw error(.unexpectedEnd) }
                let escape = base[offset]
                offset += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
                case UInt8(ascii: "b"): text.append(0x08)
                case UInt8(ascii: "f"): text.append(0x0c)
                case UInt8(ascii: "n"): text.append(0x0a)
                case UInt8(ascii: "r"): text.append(0x0d)
                case UInt8(ascii: "t"): text.append(0x09)
                case UInt8(ascii: "u"): text.append(contentsOf: String(try unicodeEscape()).utf8)
                default: throw error(.invalidEscape, at: offset - 2)
                }
            case 0..<0x20:
                throw error(.controlCharacterInString)
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    /// The character of `\uXXXX`, or of a surrogate pair of them; a lone surrogate is an error, as it has no UTF-8.
    private mutating func unicodeEscape() throws(JSONError) -> Character {
        let start = offset - 2
        let first = try hexDigits()
        var scalar = UInt32(first)
        if 0xD800..<0xDC00 ~= first {
            guard base.count - offset >= 6, base[offset] == UInt8(ascii: "\\"), base[offset + 1] == UInt8(ascii: "u")
            else { throw error(.invalidEscape, at: start) }
            offset += 2
            let second = try hexDigits()
            guard 0xDC00..<0xE000 ~= second else { throw error(.invalidEscape, at: start) }
            scalar = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        }
        guard let unicode = Unicode.Scalar(scalar) else { throw error(.invalidEscape, at: start) }
        return Character(unicode)
    }

    private mutating func hexDigits() throws(JSONError) -> UInt16 {
        guard base.count - offset >= 4 else { throw error(.unexpectedEnd) }
        var value: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch base[offset] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = base[offset] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = base[offset] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = base[offset] - UInt8(ascii: "A") + 10
            default: throw error(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
