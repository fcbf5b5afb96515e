import Synchronization

/// A value that goes up and down.
public final class Gauge: MetricInstrument {
    private let bits = Atomic<UInt64>(0)

    package init() {}

    /// Sets the value.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Sets the value to 1 or 0.
    public func set(_ value: Bool) {
        set(value ? 1.0 : 0.0)
    }

    /// Adds `amount`, which may be negative.
    public func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, current) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    /// The present value.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Appends the sample line of this gauge.
    public func write(to text: inout MetricsText, name: String, labels: RenderedLabels) {
        text.sample(name, labels, value: MetricsText.number(value))
    }
}
