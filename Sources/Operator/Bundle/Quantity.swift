/// An amount as resources have it (`resource.Quantity`): `16Gi`, `500m`, `1e3`. The API server writes one amount in one way
/// whatever way it was given, so amounts are compared and not texts.
package enum Quantity {
    /// The amount, exact to a thousandth up to 2^53; nil for a text that is none.
    package static func value(of text: String) -> Double? {
        let bytes = Array(text.utf8)
        var end = 0
        if let sign = bytes.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { end = 1 }
        let digits = end
        while end < bytes.count, isDigit(bytes[end]) || bytes[end] == UInt8(ascii: ".") { end += 1 }
        guard end > digits, bytes[digits..<end].contains(where: isDigit),
            let number = Double(String(decoding: padded(bytes[..<end]), as: UTF8.self))
        else { return nil }
        let suffix = String(decoding: bytes[end...], as: UTF8.self)
        if let factor = factors[suffix] { return number * factor }
        guard let mark = suffix.utf8.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E"),
            let exponent = Int(suffix.dropFirst()), (-30...30).contains(exponent)
        else { return nil }
        // One reading of the whole, so that 1e3 is what 1000 is.
        return Double("\(number)e\(exponent)") ?? number
    }

    /// `.5` and `5.` are amounts, too.
    private static func padded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var padded = Array(bytes)
        let sign = padded.first.map { isDigit($0) || $0 == UInt8(ascii: ".") } == true ? 0 : 1
        if padded[sign] == UInt8(ascii: ".") { padded.insert(UInt8(ascii: "0"), at: sign) }
        if padded.last == UInt8(ascii: ".") { padded.append(UInt8(ascii: "0")) }
        return padded
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static let factors: [String: Double] = [
        "": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
        "Ki": 0x1p10, "Mi": 0x1p20, "Gi": 0x1p30, "Ti": 0x1p40, "Pi": 0x1p50, "Ei": 0x1p60,
    ]
}
