/// The shortest decimal digits that give a finite double back, as a base for the ways in which formats write them.
package struct DecimalDigits {
    /// Whether the number is negative; true for `-0.0` too.
    package let isNegative: Bool
    /// ASCII digits without leading or trailing zeros, except that zero is `0`.
    package let digits: [UInt8]
    /// Where the decimal point stands, counted in digits from the start: `12.5` is `125` with 2, `0.05` is `5` with -1.
    package let point: Int

    /// The digits of `number`; nil for infinities and NaN.
    package init?(_ number: Double) {
        guard number.isFinite else { return nil }
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        var text = number.magnitude.description.utf8[...]
        if let mark = text.firstIndex(of: 0x65) {
            exponent = Int(String(decoding: text[text.index(after: mark)...], as: UTF8.self)) ?? 0
            text = text[..<mark]
        }
        for byte in text {
            if byte == 0x2E { point = digits.count } else { digits.append(byte) }
        }
        let leading = digits.prefix { $0 == 0x30 }.count
        let position = (point ?? digits.count) + exponent - leading
        digits.removeFirst(leading)
        while digits.last == 0x30 { digits.removeLast() }

        isNegative = number.sign == .minus
        self.digits = digits.isEmpty ? [0x30] : digits
        self.point = digits.isEmpty ? 1 : position
    }

    /// Plain notation with at least one digit on both sides of the point: `0.05`, `8192.0`.
    package var plain: String {
        var text = isNegative ? "-" : ""
        if point <= 0 {
            text += "0." + String(repeating: "0", count: -point) + String(decoding: digits, as: UTF8.self)
        } else if point >= digits.count {
            text += String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: point - digits.count) + ".0"
        } else {
            text += String(decoding: digits[..<point], as: UTF8.self) + "."
            text += String(decoding: digits[point...], as: UTF8.self)
        }
        return text
    }

    /// Notation with an exponent: `1e-07`, `2.5e+17`.
    ///
    /// - Parameter minimumExponentDigits: 2 for Python and C, 1 for others.
    package func scientific(minimumExponentDigits: Int) -> String {
        var text = (isNegative ? "-" : "") + String(decoding: digits[..<1], as: UTF8.self)
        if digits.count > 1 { text += "." + String(decoding: digits[1...], as: UTF8.self) }
        let exponent = String((point - 1).magnitude)
        text += point - 1 < 0 ? "e-" : "e+"
        return text + String(repeating: "0", count: max(0, minimumExponentDigits - exponent.count)) + exponent
    }

    /// Python's `repr`: plain from 1e-4 to below 1e16.
    package var pythonRepr: String {
        (-3...16).contains(point) ? plain : scientific(minimumExponentDigits: 2)
    }
}
