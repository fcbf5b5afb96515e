import FoundationEssentials

extension WorkerClock {
    /// The system's clocks.
    package static var system: WorkerClock {
        let clock = ContinuousClock()
        let origin = clock.now
        return WorkerClock(
            monotonicSeconds: { (clock.now - origin) / .seconds(1) },
            unixSeconds: { Date().timeIntervalSince1970 })
    }
}
