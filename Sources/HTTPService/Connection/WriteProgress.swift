import NIOCore

/// Whether a client takes what is written to it. Without any I/O: fed with how much still waits, now and then.
///
/// A client that has not taken a minimum in a whole interval holds memory for nothing, or on purpose.
package struct WriteProgress {
    package enum Verdict: Equatable {
        /// Look again then.
        case waitUntil(NIODeadline)
        case stalled
    }

    private let interval: TimeAmount
    private let minimumBytes: Int
    private var pendingBytes: Int
    private var lookAt: NIODeadline

    /// Begins when bytes start to wait.
    package init(interval: TimeAmount, minimumBytesPerSecond: Int, pendingBytes: Int, now: NIODeadline) {
        self.interval = interval
        minimumBytes = max(1, Int(Double(minimumBytesPerSecond) * Double(interval.nanoseconds) / 1e9))
        self.pendingBytes = pendingBytes
        lookAt = now + interval
    }

    /// Judges how many bytes wait now.
    package mutating func look(pendingBytes pending: Int, now: NIODeadline) -> Verdict {
        guard now >= lookAt else { return .waitUntil(lookAt) }
        guard pending == 0 || pendingBytes - pending >= minimumBytes else { return .stalled }
        pendingBytes = pending
        lookAt = now + interval
        return .waitUntil(lookAt)
    }
}
