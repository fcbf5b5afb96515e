import JSONStream
import TestSupport
import Testing

/// The standard library's own digits are the oracle: both are the shortest that read back, and of those the closest.
@Suite("Doubles as text")
struct ShortestDecimalTests {
    static func text(_ value: Double) -> String {
        var writer = JSONWriter(capacity: 32)
        writer.write(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func differences(_ values: some Sequence<Double>) -> [String] {
        var differences: [String] = []
        for value in values where text(value) != JSONNumberStyle.python.text(value) && differences.count < 5 {
            differences.append("\(text(value)) for \(value)")
        }
        return differences
    }

    @Test("powers of two, powers of ten and their neighbours")
    func edges() {
        let powers = (-30...60).map { Double(sign: .plus, exponent: $0, significand: 1) }
        let tens = (-7...17).map { exponent in Double("1e\(exponent)") ?? 0 }
        let odd: [Double] = [
            0, -0.0, 0.1, 0.3, 4_503_599_627_370_497.5, 123_456_789_012_345, 999_999_999_999_999.9,
            0.000_100_000_000_000_000_1, 9_007_199_254_740_991, .leastNonzeroMagnitude,
        ]
        for value in powers + tens + odd {
            #expect(Self.differences([value, value.nextUp, value.nextDown, -value]) == [])
        }
    }

    @Test("a million doubles of any digits, of few digits, and widened from float32", arguments: 0..<3)
    func many(kind: Int) {
        var random = SeededGenerator(seed: UInt64(kind + 40))
        let values = (0..<350_000).lazy.map { _ -> Double in
            switch kind {
            case 0: Double(bitPattern: UInt64.random(in: (1e-5).bitPattern..<(1e16).bitPattern, using: &random))
            case 1: Double(Int.random(in: -9_999_999...9_999_999, using: &random)) / 10_000
            default: Double(Float.random(in: -1...1, using: &random))
            }
        }
        #expect(Self.differences(values) == [])
    }
}
