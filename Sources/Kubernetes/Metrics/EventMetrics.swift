import Observability

/// What becomes of events. Neither controller-runtime nor client-go counts that; the name follows theirs.
public final class EventMetrics: Sendable {
    let written: Counter
    let suppressed: Counter
    let dropped: Counter
    let failed: Counter

    public init(registry: MetricsRegistry) {
        let events = registry.counter(
            "event_recorder_events_total",
            help: "Events that were written, were left to a series, found too many waiting, or were refused.",
            labels: ["result"])
        written = events.with("written")
        suppressed = events.with("suppressed")
        dropped = events.with("dropped")
        failed = events.with("failed")
    }
}
