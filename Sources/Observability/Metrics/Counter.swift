import Synchronization

/// A count that only grows. Updating it is one relaxed atomic addition.
public final class Counter: MetricInstrument {
    private let count = Atomic<UInt64>(0)

    package init() {}

    /// Adds `amount` to the count.
    @inline(__always)
    public func increment(by amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The present count.
    public var value: UInt64 { count.load(ordering: .relaxed) }

    /// Appends the sample line of this counter.
    public func write(to text: inout MetricsText, name: String, labels: RenderedLabels) {
        text.sample(name, labels, value: String(value))
    }
}
