/// Numbers with a fixed count of decimals, such as the milliseconds of timing headers.
public enum FixedDecimal {
    /// `value` rounded half away from zero to `decimals` places (0 to 6), for example `14.6`; non-finite values as `0`.
    public static func text(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard let units = Int64(exactly: scaled) else { return value.isFinite ? value.description : "0" }
        guard decimals > 0 else { return String(units) }
        // Digits from the last to the first; the point after the decimals, and a zero before it at least.
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
            var rest = units.magnitude
            var start = digits.count
            var written = 0
            while written <= decimals || rest > 0 {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
                written += 1
                if written == decimals {
                    start -= 1
                    digits[start] = UInt8(ascii: ".")
                }
            }
            if units < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            return String(decoding: UnsafeBufferPointer(rebasing: digits[start...]), as: UTF8.self)
        }
    }
}
