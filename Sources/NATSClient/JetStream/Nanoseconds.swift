/// JetStream's JSON writes durations as whole numbers of nanoseconds.
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
        try decodeIfPresent(Int64.self, forKey: key).map { .nanoseconds($0) }
    }
}

extension KeyedEncodingContainer {
    mutating func encode(_ duration: Duration?, nanoseconds key: Key) throws {
        try encodeIfPresent(duration?.wholeNanoseconds, forKey: key)
    }
}
