/// Brings objects that are only looked at now and then to the same moments. What a look costs where nothing has changed is
/// mostly that a process at rest and those that it asks wake up: many at a time share that.
package struct SharedWakeups: Sendable {
    /// From one moment to the next: little beside the minutes between two looks at an object.
    package static let interval = Duration.seconds(15)

    private let start: ContinuousClock.Instant

    package init(start: ContinuousClock.Instant = .now) { self.start = start }

    /// The time from now to the first moment that is not before a wait has passed.
    package func wait(_ wait: Duration, from now: ContinuousClock.Instant = .now) -> Duration {
        let passed = start.duration(to: now)
        let intervals = ((passed + wait) / Self.interval).rounded(.up)
        return Self.interval * intervals - passed
    }
}
