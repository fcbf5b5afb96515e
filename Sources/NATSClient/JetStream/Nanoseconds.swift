/// A `Duration` that JetStream's JSON writes as a whole number of nanoseconds.
struct Nanoseconds: Codable, Sendable {
    var duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init(from decoder: any Decoder) throws {
        self.duration = .nanoseconds(try decoder.singleValueContainer().decode(Int64.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(duration.wholeNanoseconds)
    }
}

extension Duration {
    /// The duration in nanoseconds, held to the range of 64 bits.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
    }
}

extension KeyedDecodingContainer {
    func duration(_ key: Key) throws -> Duration? {
        try decodeIfPresent(Nanoseconds.self, forKey: key)?.duration
    }
}

extension KeyedEncodingContainer {
    mutating func encode(_ duration: Duration?, nanoseconds key: Key) throws {
        try encodeIfPresent(duration.map(Nanoseconds.init), forKey: key)
    }
}
