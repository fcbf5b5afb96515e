import FoundationEssentials

/// A time in whole seconds (`metav1.Time`), RFC 3339 on the wire: `2026-01-02T03:04:05Z`.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var secondsSince1970: Int64

    public init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }
}

/// A time in microseconds (`metav1.MicroTime`), RFC 3339 with six digits on the wire: `2026-01-02T03:04:05.000006Z`.
public struct MicroTime: Sendable, Hashable, Comparable {
    public var microsecondsSince1970: Int64

    public init(microsecondsSince1970: Int64) {
        self.microsecondsSince1970 = microsecondsSince1970
    }

    /// The nearest microsecond; times beyond what 64 bits hold become the last one that they do.
    public init(secondsSince1970: Double) {
        microsecondsSince1970 = Int64(clamping: Int128(exactly: (secondsSince1970 * 1e6).rounded()) ?? 0)
    }

    public var secondsSince1970: Double { Double(microsecondsSince1970) / 1e6 }

    public static func < (left: MicroTime, right: MicroTime) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }
}

extension Timestamp: Codable, CustomStringConvertible {
    public init(from decoder: any Decoder) throws {
        secondsSince1970 = try RFC3339Time(from: decoder).seconds
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String { RFC3339Time(seconds: secondsSince1970).text(hasFraction: false) }
}

extension MicroTime: Codable, CustomStringConvertible {
    public init(from decoder: any Decoder) throws {
        let time = try RFC3339Time(from: decoder)
        microsecondsSince1970 = time.seconds * 1_000_000 + time.microseconds
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String {
        let (seconds, microseconds) = (
            Int64((Double(microsecondsSince1970) / 1e6).rounded(.down)), microsecondsSince1970
        )
        return RFC3339Time(seconds: seconds, microseconds: microseconds - seconds * 1_000_000).text(hasFraction: true)
    }
}

/// The text of both.
private struct RFC3339Time: Decodable {
    var seconds: Int64
    /// 0 to 999,999.
    var microseconds: Int64 = 0

    init(seconds: Int64, microseconds: Int64 = 0) {
        self.seconds = seconds
        self.microseconds = microseconds
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = RFC3339Time(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no RFC 3339 time")
        }
        self = time
    }

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20 else { return nil }
        var digits = bytes[19...]
        if digits.first == UInt8(ascii: ".") {
            digits = digits.dropFirst()
            let fraction = digits.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !fraction.isEmpty, fraction.count <= 18 else { return nil }
            var scale: Int64 = 100_000
            for digit in fraction.prefix(6) {
                microseconds += Int64(digit - UInt8(ascii: "0")) * scale
                scale /= 10
            }
            digits = digits[fraction.endIndex...]
        }
        let whole = String(decoding: bytes[..<19] + digits, as: UTF8.self)
        guard let date = try? Date(whole, strategy: .iso8601) else { return nil }
        seconds = Int64(date.timeIntervalSince1970)
    }

    func text(hasFraction: Bool) -> String {
        let whole = Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
        guard hasFraction else { return whole }
        let digits = String(microseconds)
        return "\(whole.dropLast()).\(String(repeating: "0", count: max(0, 6 - digits.utf8.count)))\(digits)Z"
    }
}
