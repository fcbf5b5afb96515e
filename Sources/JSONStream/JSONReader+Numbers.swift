extension JSONReader {
    /// Parses the number at the cursor. Up to 2^53 and 22 decimals an exact power of ten gives the correctly rounded
    /// double directly; everything else goes through the standard library's exact conversion.
    mutating func parseNumber() throws(JSONError) -> Number {
        let start = offset
        let negative = base[offset] == UInt8(ascii: "-")
        if negative { offset += 1 }
        var mantissa: UInt64 = 0
        var exact = true
        let integerDigits = try digits(into: &mantissa, exact: &exact)
        if integerDigits > 1, base[offset - integerDigits] == UInt8(ascii: "0") {
            throw error(.invalidNumber, at: start)
        }
        var decimals = 0
        var isInteger = true
        if offset < base.count, base[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            decimals = try digits(into: &mantissa, exact: &exact)
        }
        var exponent = 0
        if offset < base.count, base[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            exponent = try exponentValue()
        }
        if isInteger, exact {
            if !negative { return Int64(exactly: mantissa).map { .int($0) } ?? .uint(mantissa) }
            if mantissa <= UInt64(Int64.max) { return .int(-Int64(mantissa)) }
            if mantissa == UInt64(Int64.max) + 1 { return .int(Int64.min) }
        }
        let scale = exponent - decimals
        if exact, mantissa < 1 << 53, -22...22 ~= scale {
            let value =
                scale < 0 ? Double(mantissa) / Self.powersOfTen[-scale] : Double(mantissa) * Self.powersOfTen[scale]
            return .double(negative ? -value : value)
        }
        let text = String(decoding: base[start..<offset], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw error(.numberOutOfRange, at: start) }
        return .double(value)
    }

    private mutating func digits(into mantissa: inout UInt64, exact: inout Bool) throws(JSONError) -> Int {
        let start = offset
        while offset < base.count, case let digit = base[offset] &- UInt8(ascii: "0"), digit < 10 {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { exact = false }
            mantissa = sum
            offset += 1
        }
        guard offset > start else {
            throw offset < base.count ? error(.invalidNumber) : error(.unexpectedEnd)
        }
        return offset - start
    }

    private mutating func exponentValue() throws(JSONError) -> Int {
        var negative = false
        if offset < base.count, base[offset] == UInt8(ascii: "+") || base[offset] == UInt8(ascii: "-") {
            negative = base[offset] == UInt8(ascii: "-")
            offset += 1
        }
        var value: UInt64 = 0
        var exact = true
        _ = try digits(into: &value, exact: &exact)
        // Far beyond a double's range the exact size of the exponent no longer matters.
        let magnitude = exact ? Int(min(value, 100_000)) : 100_000
        return negative ? -magnitude : magnitude
    }

    /// 10^0 to 10^22: the powers of ten a double holds exactly.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
