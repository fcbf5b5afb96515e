import Synchronization

/// The metrics of one process (or of one test), exposed as Prometheus text.
///
/// Families are registered once at start and kept by whoever updates them:
/// ```swift
/// let requests = registry.counter("sie_requests_total", help: "Requests answered.", labels: ["status"])
/// let ok = requests.with("200")   // resolve once
/// ok.increment()                  // one atomic addition
/// ```
public final class MetricsRegistry: Sendable {
    private struct State {
        var families: [any RenderableFamily] = []
        var collectors: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// Creates an empty registry.
    public init() {}

    /// Registers a counter family. A name may be registered once only.
    public func counter(_ name: String, help: String, labels: [String] = []) -> MetricFamily<Counter> {
        register(MetricFamily(name: name, help: help, kind: "counter", labelNames: labels) { Counter() })
    }

    /// Registers a gauge family. A name may be registered once only.
    public func gauge(_ name: String, help: String, labels: [String] = []) -> MetricFamily<Gauge> {
        register(MetricFamily(name: name, help: help, kind: "gauge", labelNames: labels) { Gauge() })
    }

    /// Registers a histogram family. A name may be registered once only.
    ///
    /// - Parameter bounds: The buckets' upper bounds, ascending, without `+Inf`.
    public func histogram(
        _ name: String, help: String, labels: [String] = [], bounds: [Double]
    ) -> MetricFamily<Histogram> {
        register(
            MetricFamily(name: name, help: help, kind: "histogram", labelNames: labels) { Histogram(bounds: bounds) })
    }

    /// Takes the samples of a family, one call for each: the label values in the order of the names, and the value.
    public typealias GaugeCollector = @Sendable (_ add: (_ values: [String], _ value: Double) -> Void) -> Void

    /// Registers a gauge family whose samples are told anew at each scrape. A name may be registered once only.
    ///
    /// - Parameter collect: called within a scrape; it must not block, and tells each combination of label values once.
    public func collectedGauge(
        _ name: String, help: String, labels: [String], collect: @escaping GaugeCollector
    ) {
        add(CollectedGauges(name: name, help: help, labelNames: labels, collect: collect))
    }

    private func register<Instrument>(_ family: MetricFamily<Instrument>) -> MetricFamily<Instrument> {
        add(family)
        return family
    }

    private func add(_ family: any RenderableFamily) {
        state.withLock { state in
            precondition(
                !state.families.contains { $0.name == family.name }, "the metric \(family.name) is registered already")
            state.families.append(family)
        }
    }

    /// Adds a function that each scrape calls before it reads the metrics, in the order of registration.
    ///
    /// For what is cheaper to compute when asked than to keep up to date. It must not block.
    public func onScrape(_ collect: @escaping @Sendable () -> Void) {
        state.withLock { $0.collectors.append(collect) }
    }

    /// Runs the collectors and returns all metrics as UTF-8 Prometheus text, in the order of their registration.
    public func render() -> [UInt8] {
        let (families, collectors) = state.withLock { ($0.families, $0.collectors) }
        for collect in collectors { collect() }
        var text = MetricsText()
        for family in families { family.write(to: &text) }
        return text.bytes
    }
}
