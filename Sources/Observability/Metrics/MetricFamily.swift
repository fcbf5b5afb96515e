import Synchronization

/// A metric that can write its own sample lines.
public protocol MetricInstrument: AnyObject, Sendable {
    /// Appends this instrument's sample lines to `text`.
    func write(to text: inout MetricsText, name: String, labels: RenderedLabels)
}

/// The label pairs of one series, rendered once (`a="x",b="y"`), so that a scrape only copies bytes.
public struct RenderedLabels: Sendable {
    /// The pairs without braces; empty for a series that has no labels.
    package let pairs: String

    package init(names: [String], values: [String]) {
        var text = MetricsText()
        text.appendPairs(names, values)
        pairs = String(decoding: text.bytes, as: UTF8.self)
    }
}

/// All series of one metric name: one instrument per combination of label values, created at first use.
///
/// Resolve a series once with ``with(_:)`` and keep the instrument: updating it takes one atomic operation and no lock.
public final class MetricFamily<Instrument: MetricInstrument>: Sendable {
    private struct Series {
        let values: [String]
        let labels: RenderedLabels
        let instrument: Instrument
    }

    /// The metric's name as it is exposed.
    public let name: String
    /// The names of its labels, in the order in which ``with(_:)`` takes their values.
    public let labelNames: [String]

    private let help: String
    private let kind: String
    private let makeInstrument: @Sendable () -> Instrument
    private let series = Mutex<[[String]: Series]>([:])

    package init(
        name: String, help: String, kind: String, labelNames: [String],
        makeInstrument: @escaping @Sendable () -> Instrument
    ) {
        precondition(MetricsText.isMetricName(name), "\(name) is no Prometheus metric name")
        for label in labelNames {
            precondition(MetricsText.isLabelName(label), "\(label) of \(name) is no Prometheus label name")
        }
        self.name = name
        self.help = help
        self.kind = kind
        self.labelNames = labelNames
        self.makeInstrument = makeInstrument
        // A metric without labels is exposed from the first scrape on.
        if labelNames.isEmpty { _ = with([]) }
    }

    /// The instrument of one series, created when it is first asked for.
    ///
    /// - Parameter values: One value per label name, in the same order.
    public func with(_ values: String...) -> Instrument {
        with(values)
    }

    /// The instrument of one series, created when it is first asked for.
    ///
    /// - Parameter values: One value per label name, in the same order.
    public func with(_ values: [String]) -> Instrument {
        precondition(
            values.count == labelNames.count,
            "\(name) has \(labelNames.count) labels, but \(values.count) values were given")
        return series.withLock { series in
            if let known = series[values] { return known.instrument }
            let made = Series(
                values: values, labels: RenderedLabels(names: labelNames, values: values), instrument: makeInstrument())
            series[values] = made
            return made.instrument
        }
    }

    /// Removes one series; it is exposed again when somebody asks for it with ``with(_:)``.
    public func remove(_ values: String...) {
        series.withLock { _ = $0.removeValue(forKey: values) }
    }

    /// Removes every series, so that what has vanished is no longer exposed.
    public func reset() {
        series.withLock { $0.removeAll(keepingCapacity: true) }
    }

    /// The label values and instruments of all present series, in no particular order.
    public var all: [(values: [String], instrument: Instrument)] {
        series.withLock { series in series.values.map { ($0.values, $0.instrument) } }
    }
}

/// A family as the registry sees it.
package protocol RenderableFamily: Sendable {
    var name: String { get }
    func write(to text: inout MetricsText)
}

extension MetricFamily: RenderableFamily {
    package func write(to text: inout MetricsText) {
        let present = series.withLock { Array($0.values) }
        guard !present.isEmpty else { return }
        text.header(name: name, help: help, kind: kind)
        for one in present.sorted(by: { $0.values.lexicographicallyPrecedes($1.values) }) {
            one.instrument.write(to: &text, name: name, labels: one.labels)
        }
    }
}
