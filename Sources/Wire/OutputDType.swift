/// Element type in which vectors are returned (worker contract 6.6).
public enum OutputDType: String, Sendable, CaseIterable {
    case float32, float16, int8, uint8, binary, ubinary

    /// What the result's `dtype` field says.
    public var wireName: String {
        switch self {
        case .ubinary: "binary"
        default: rawValue
        }
    }

    /// The numpy type of the elements.
    public var numpyType: NumpyType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .int8: .int8
        case .uint8, .binary, .ubinary: .uint8
        }
    }

    /// Elements a row of `width` values has in this type: bits are packed eight to a byte.
    public func elements(forWidth width: Int) -> Int {
        switch self {
        case .binary, .ubinary: (width + 7) / 8
        default: width
        }
    }

    /// Converts one row of float32 values and appends its little-endian bytes to `output`.
    ///
    /// - `int8`: round-half-even of x / max|x| * 127; a row of zeros stays zeros.
    /// - `uint8`: round-half-even of (x - min) / (max - min) * 255; a constant row becomes zeros.
    /// - `binary`, `ubinary`: one bit x > 0 per value, most significant bit first, padded with zero bits.
    ///
    /// The scales are not transmitted; the arithmetic is float32, as numpy's on such rows.
    public func append(_ row: UnsafeBufferPointer<Float>, to output: inout [UInt8]) {
        switch self {
        case .float32:
            output.append(contentsOf: UnsafeRawBufferPointer(row))
        case .float16:
            for value in row {
                withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { output.append(contentsOf: $0) }
            }
        case .int8:
            let scale = row.reduce(0) { max($0, $1.magnitude) }
            for value in row {
                let scaled = scale > 0 ? (value / scale * 127).rounded(.toNearestOrEven) : 0
                output.append(UInt8(bitPattern: Int8(scaled.isNaN ? 0 : scaled)))
            }
        case .uint8:
            let low = row.min() ?? 0
            let range = (row.max() ?? 0) - low
            for value in row {
                let scaled = range > 0 ? ((value - low) / range * 255).rounded(.toNearestOrEven) : 0
                output.append(UInt8(scaled.isNaN ? 0 : scaled))
            }
        case .binary, .ubinary:
            var byte: UInt8 = 0
            for (index, value) in row.enumerated() {
                if value > 0 { byte |= 0x80 >> UInt8(index & 7) }
                if index & 7 == 7 || index == row.count - 1 {
                    output.append(byte)
                    byte = 0
                }
            }
        }
    }
}
