/// A position in a distributed trace, as the `traceparent` header carries it (W3C Trace Context, level 1).
public struct TraceContext: Equatable, Sendable {
    /// 32 lower-case hexadecimal digits, not all zero.
    public let traceID: String
    /// 16 lower-case hexadecimal digits, not all zero.
    public let spanID: String
    /// 2 lower-case hexadecimal digits; the lowest bit says that the trace is recorded.
    public let flags: String

    /// Reads a header's value.
    ///
    /// - Returns: nil for anything that the specification does not allow; such a header is to be ignored. Of a version
    ///   newer than 00 the parts known here are taken.
    public init?(header: String) {
        let bytes = Array(header.utf8)
        guard bytes.count >= 55, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            Self.isHex(bytes[0..<2]), Self.isHex(bytes[3..<35]), Self.isHex(bytes[36..<52]), Self.isHex(bytes[53..<55])
        else { return nil }
        let version = String(decoding: bytes[0..<2], as: UTF8.self)
        guard version != "ff", version == "00" ? bytes.count == 55 : bytes.count == 55 || bytes[55] == Self.dash else {
            return nil
        }
        guard bytes[3..<35].contains(where: { $0 != Self.zero }), bytes[36..<52].contains(where: { $0 != Self.zero })
        else { return nil }
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
        spanID = String(decoding: bytes[36..<52], as: UTF8.self)
        flags = String(decoding: bytes[53..<55], as: UTF8.self)
    }

    private init(traceID: String, spanID: String, flags: String) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
    }

    /// A new span of the same trace.
    public func child(using generator: inout some RandomNumberGenerator) -> TraceContext {
        var digits = String(UInt64.random(in: 1...UInt64.max, using: &generator), radix: 16)
        digits = String(repeating: "0", count: 16 - digits.utf8.count) + digits
        return TraceContext(traceID: traceID, spanID: digits, flags: flags)
    }

    /// The header's value, in version 00.
    public var header: String { "00-\(traceID)-\(spanID)-\(flags)" }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    private static func isHex(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
