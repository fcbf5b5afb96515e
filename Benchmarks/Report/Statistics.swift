/// What is said about samples.
enum Statistics {
    /// The nearest-rank percentile of sorted samples, 0 where there are none.
    static func percentile<Value: Numeric>(_ fraction: Double, ofSorted samples: [Value]) -> Value {
        guard !samples.isEmpty else { return 0 }
        return samples[min(samples.count - 1, Int(Double(samples.count) * fraction))]
    }

    static func median(_ values: [Double]) -> Double {
        percentile(0.5, ofSorted: values.sorted())
    }
}

extension Double {
    /// The number with so many digits after the point.
    func formatted(digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((self * scale).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let fraction = String(scaled.magnitude % UInt64(scale))
        let padding = String(repeating: "0", count: digits - fraction.count)
        return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt64(scale)).\(padding)\(fraction)"
    }
}
