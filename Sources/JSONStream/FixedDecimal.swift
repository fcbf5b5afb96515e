/// Numbers with a fixed count of decimals, such as the milliseconds of timing headers.
public enum FixedDecimal {
    /// `value` rounded half away from zero to `decimals` places (0 to 6), for example `14.6`; non-finite values as `0`.
    public static func text(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard let units = Int64(exactly: scaled) else { return value.isFinite ? value.description : "0" }
        guard decimals > 0 else { return String(units) }
        let magnitude = String(units.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - magnitude.count)) + magnitude
        return "\(units < 0 ? "-" : "")\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
    }
}
