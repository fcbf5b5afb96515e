import Synchronization

/// A distribution in cumulative buckets.
///
/// An observation is one atomic addition to its bucket and one to the sum; the cumulative counts are made at scrape time.
///
/// Unchecked because of the raw storage: it is allocated once, freed in `deinit`, and holds only atomics, which any thread
/// may use at any time.
public final class Histogram: MetricInstrument, @unchecked Sendable {
    /// The buckets' upper bounds, ascending, without `+Inf`.
    public let bounds: [Double]

    private let renderedBounds: [String]
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let sumBits = Atomic<UInt64>(0)

    package init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "histogram bounds must ascend")
        self.bounds = bounds
        renderedBounds = (bounds.map(MetricsText.number) + ["+Inf"]).map { "le=\"\($0)\"" }
        counts = .allocate(capacity: bounds.count + 1)
        for index in 0...bounds.count {
            (counts + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        counts.deinitialize(count: bounds.count + 1)
        counts.deallocate()
    }

    /// Counts one observation, in the metric's own unit (seconds for durations).
    public func observe(_ value: Double) {
        var bucket = 0
        // Linear: bucket lists are short and observations cluster in the first ones.
        while bucket < bounds.count && value > bounds[bucket] { bucket += 1 }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)

        var old = sumBits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + value).bitPattern
            let (exchanged, current) = sumBits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    /// Counts one duration, in seconds.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// How many observations were made.
    public var count: UInt64 {
        var total: UInt64 = 0
        for index in 0...bounds.count { total &+= counts[index].load(ordering: .relaxed) }
        return total
    }

    /// The sum of all observations.
    public var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

    /// How many observations were at most each bound; the last entry counts all.
    public var cumulativeCounts: [UInt64] {
        var total: UInt64 = 0
        return (0...bounds.count).map { index in
            total &+= counts[index].load(ordering: .relaxed)
            return total
        }
    }

    /// Appends the bucket, sum and count lines of this histogram.
    public func write(to text: inout MetricsText, name: String, labels: RenderedLabels) {
        let cumulative = cumulativeCounts
        for (bound, count) in zip(renderedBounds, cumulative) {
            text.sample(name + "_bucket", labels, extra: bound, value: String(count))
        }
        text.sample(name + "_sum", labels, value: MetricsText.number(sum))
        text.sample(name + "_count", labels, value: String(cumulative.last ?? 0))
    }
}
