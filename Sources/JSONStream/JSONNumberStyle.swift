/// How doubles are spelled. All styles print the shortest digits that read back as the same double; they differ in
/// when an exponent is used and how it looks, which matters where the text is hashed.
public enum JSONNumberStyle: Sendable, Hashable {
    /// As Python's `repr` and `json`: plain for 1e-4 <= |x| < 1e16, otherwise `1e-05`, `1e+16`.
    case python
    /// As the Rust and orjson writers: plain for 1e-5 <= |x| < 1e16, otherwise `1e-6`, `1e+16`.
    case orjson

    /// The spelling of a finite double.
    public func text(_ value: Double) -> String {
        var description = value.description
        // In this range every style prints the plain digits, as Swift does.
        let size = value.magnitude
        if size >= 1e-4 && size < 1e15 { return description }
        // Swift switches to an exponent at 2^54 and below 1e-4; take its digits and place the point ourselves.
        let negative = description.first == "-"
        if negative { description.removeFirst() }
        let parts = description.split(separator: "e", maxSplits: 1)
        let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        var digits = String(mantissa[0])
        if mantissa.count > 1, mantissa[1] != "0" { digits += mantissa[1] }
        var pointAfter = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            pointAfter -= 1
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        if digits == "0" { return negative ? "-0.0" : "0.0" }
        let sign = negative ? "-" : ""
        // The exponent of scientific notation, d.ddd x 10^e.
        let exponent = pointAfter - 1
        let smallestPlain = self == .python ? -4 : -5
        guard smallestPlain..<16 ~= exponent else {
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let magnitude = String(abs(exponent))
            let padded = self == .python && magnitude.count < 2 ? "0" + magnitude : magnitude
            return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(padded)"
        }
        if pointAfter <= 0 { return "\(sign)0.\(String(repeating: "0", count: -pointAfter))\(digits)" }
        if digits.count <= pointAfter {
            return "\(sign)\(digits)\(String(repeating: "0", count: pointAfter - digits.count)).0"
        }
        return "\(sign)\(digits.prefix(pointAfter)).\(digits.dropFirst(pointAfter))"
    }
}
