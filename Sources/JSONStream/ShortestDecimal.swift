/// The shortest decimal digits that read back as the same double, and of those the closest: Schubfach (R. Giulietti, "The
/// Schubfach way to render doubles", 2020), for the magnitudes that are written without an exponent.
///
/// In that range all powers of ten that the algorithm multiplies with are exact in 128 bits, so that there is no table of
/// rounded ones.
struct ShortestDecimal {
    /// At most 17 digits; may end in zeros.
    var digits: UInt64
    /// The value is `digits` x 10 to this power, which is never positive.
    var exponent: Int

    /// Nil outside of `1e-4 <= value < 1e15`.
    @inline(__always)
    init?(_ value: Double) {
        guard value >= 1e-4, value < 1e15 else { return nil }
        let significand = value.significandBitPattern
        // The value is c x 2^q. Numbers of this range are normal.
        let c = significand | 1 << 52
        let q = Int(value.exponentBitPattern) - 1075
        if -52...0 ~= q, c & ((1 << UInt64(-q)) - 1) == 0 {
            digits = c >> UInt64(-q)
            exponent = 0
            return
        }
        // Four times the value and the middles between it and its neighbours; below a power of two the lower is closer.
        let isLowerCloser = significand == 0
        let low = c << 2 - (isLowerCloser ? 1 : 2)
        let high = c << 2 + 2
        // 10^k is the largest power of ten that is not above the distance of the neighbours.
        let k = (q * 1_262_611 - (isLowerCloser ? 524_031 : 0)) >> 22
        let shift = UInt64(q + (-k * 1_741_647) >> 19 + 1)
        let power = Self.powers[-k]
        let lower = Self.product(power, low << shift) + (c & 1)
        let scaled = Self.product(power, (c << 2) << shift)
        let upper = Self.product(power, high << shift) - (c & 1)
        let s = scaled >> 2
        // One digit fewer, if one and only one such number lies between the middles.
        let tens = s / 10
        let (down, up) = (lower <= 40 * tens, 40 * tens + 40 <= upper)
        if down != up {
            digits = up ? tens + 1 : tens
            exponent = k + 1
            return
        }
        exponent = k
        let (isBelowInside, isAboveInside) = (lower <= 4 * s, 4 * s + 4 <= upper)
        if isBelowInside != isAboveInside {
            digits = isAboveInside ? s + 1 : s
            return
        }
        let middle = 4 * s + 2
        digits = scaled > middle || (scaled == middle && s & 1 == 1) ? s + 1 : s
    }

    /// The upper 64 of the 192 bits of a product, with its last bit set where bits below were lost.
    @inline(__always)
    private static func product(_ power: (high: UInt64, low: UInt64), _ factor: UInt64) -> UInt64 {
        let lower = power.low.multipliedFullWidth(by: factor).high
        let upper = power.high.multipliedFullWidth(by: factor)
        let (rest, carry) = upper.low.addingReportingOverflow(lower)
        return (upper.high &+ (carry ? 1 : 0)) | (rest > 1 ? 1 : 0)
    }

    /// 10 to the 0th and further, in 128 bits of which the first is set.
    private static let powers: [(high: UInt64, low: UInt64)] = (0...21).map { exponent in
        var power: UInt128 = 1
        for _ in 0..<exponent { power *= 10 }
        power <<= UInt128(power.leadingZeroBitCount)
        return (UInt64(truncatingIfNeeded: power >> 64), UInt64(truncatingIfNeeded: power))
    }
}

extension ShortestDecimal {
    /// The longest text: a sign, `0.000` and 17 digits, or 17 digits and `.0`.
    static let maximumLength = 24

    /// Writes the number with a point and at least one digit on both sides of it.
    ///
    /// - Parameter text: of `maximumLength` bytes at least.
    /// - Returns: the bytes written, at the end of the buffer.
    @inline(__always)
    func write(isNegative: Bool, to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var digits = digits
        var exponent = exponent
        while exponent < -1, digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
        var position = text.count
        var left = -exponent
        if left == 0 {
            position -= 1
            text[position] = UInt8(ascii: "0")
        }
        // The decimals, then the point, then what stands before it.
        while left >= 2 {
            let pair = Int(digits % 100)
            digits /= 100
            position -= 2
            text[position] = UInt8(truncatingIfNeeded: 48 + pair / 10)
            text[position + 1] = UInt8(truncatingIfNeeded: 48 + pair % 10)
            left -= 2
        }
        if left == 1 {
            position -= 1
            text[position] = UInt8(truncatingIfNeeded: 48 + digits % 10)
            digits /= 10
        }
        position -= 1
        text[position] = UInt8(ascii: ".")
        repeat {
            position -= 1
            text[position] = UInt8(truncatingIfNeeded: 48 + digits % 10)
            digits /= 10
        } while digits > 0
        if isNegative {
            position -= 1
            text[position] = UInt8(ascii: "-")
        }
        return text.count - position
    }
}
