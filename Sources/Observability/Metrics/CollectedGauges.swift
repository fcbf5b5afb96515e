/// A gauge family without instruments: its series are told anew at each scrape by whoever knows them. For series that come
/// and go with something that is kept elsewhere anyway: nothing is stored twice, and nothing stays behind.
final class CollectedGauges: RenderableFamily {
    let name: String
    private let help: String
    private let labelNames: [String]
    private let collect: MetricsRegistry.GaugeCollector

    init(name: String, help: String, labelNames: [String], collect: @escaping MetricsRegistry.GaugeCollector) {
        precondition(MetricsText.isMetricName(name), "\(name) is no Prometheus metric name")
        for label in labelNames {
            precondition(MetricsText.isLabelName(label), "\(label) of \(name) is no Prometheus label name")
        }
        self.name = name
        self.help = help
        self.labelNames = labelNames
        self.collect = collect
    }

    func write(to text: inout MetricsText) {
        var hasHeader = false
        collect { values, value in
            precondition(values.count == labelNames.count, "\(name) has \(labelNames.count) labels")
            if !hasHeader { text.header(name: name, help: help, kind: "gauge") }
            hasHeader = true
            text.sample(name, labels: labelNames, values: values, value: value)
        }
    }
}
