/// Requests per second between two looks at a counter, whoever looks (gateway contract 5.4).
package struct RequestRate: Sendable {
    /// Looks closer together than this get the previous value: too few requests tell nothing.
    package static let minimumInterval = 1.0

    private var last: (total: UInt64, time: Double)?
    package private(set) var perSecond = 0.0

    package init() {}

    /// Looks at the counter.
    ///
    /// - Parameters:
    ///   - total: requests completed so far.
    ///   - now: seconds of a monotonic clock.
    package mutating func look(total: UInt64, now: Double) -> Double {
        guard let previous = last else {
            last = (total, now)
            return perSecond
        }
        let elapsed = now - previous.time
        guard elapsed >= Self.minimumInterval else { return perSecond }
        perSecond = Double(total &- previous.total) / elapsed
        last = (total, now)
        return perSecond
    }
}
