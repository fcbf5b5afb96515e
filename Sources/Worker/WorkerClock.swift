/// The two times the worker reads, injected so that tests are exact.
package struct WorkerClock: Sendable {
    /// Seconds since some fixed moment, never going back.
    package let monotonicSeconds: @Sendable () -> Double
    /// Unix time in seconds, as on the wire.
    package let unixSeconds: @Sendable () -> Double

    package init(
        monotonicSeconds: @escaping @Sendable () -> Double, unixSeconds: @escaping @Sendable () -> Double
    ) {
        self.monotonicSeconds = monotonicSeconds
        self.unixSeconds = unixSeconds
    }
}
