import Observability
import Synchronization
import Testing

@Suite("Metrics")
struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String {
        String(decoding: registry.render(), as: UTF8.self)
    }

    @Test("families are written in the order of registration, series in the order of their labels")
    func exposition() {
        let registry = MetricsRegistry()
        let requests = registry.counter("requests_total", help: "Requests\nanswered \\o/.", labels: ["path", "status"])
        let depth = registry.gauge("depth", help: "Depth.")
        requests.with("/b", "200").increment()
        requests.with("/a", "200").increment(by: 41)
        requests.with("/a", "200").increment()
        depth.with().set(2.5)
        #expect(
            text(registry) == """
                # HELP requests_total Requests\\nanswered \\\\o/.
                # TYPE requests_total counter
                requests_total{path="/a",status="200"} 42
                requests_total{path="/b",status="200"} 1
                # HELP depth Depth.
                # TYPE depth gauge
                depth 2.5

                """)
    }

    @Test("label values are escaped")
    func escaping() {
        let registry = MetricsRegistry()
        registry.gauge("g", help: "G.", labels: ["x"]).with("a\"b\\c\nd").set(1)
        #expect(text(registry).hasSuffix("g{x=\"a\\\"b\\\\c\\nd\"} 1\n"))
    }

    @Test("a family without labels is there from the start, one with labels from its first series on")
    func presence() {
        let registry = MetricsRegistry()
        _ = registry.counter("plain_total", help: "Plain.")
        let labelled = registry.counter("labelled_total", help: "Labelled.", labels: ["x"])
        #expect(text(registry).contains("plain_total 0\n"))
        #expect(!text(registry).contains("labelled_total"))
        _ = labelled.with("")
        #expect(text(registry).contains("labelled_total{x=\"\"} 0\n"))
    }

    @Test("histogram buckets are cumulative and their upper bounds inclusive")
    func histogram() {
        let registry = MetricsRegistry()
        let latency = registry.histogram("latency_seconds", help: "Latency.", labels: ["op"], bounds: [0.1, 0.5, 1])
        for value in [0.05, 0.1, 0.3, 1, 2] { latency.with("encode").observe(value) }
        latency.with("encode").observe(Duration.milliseconds(50))
        #expect(
            text(registry) == """
                # HELP latency_seconds Latency.
                # TYPE latency_seconds histogram
                latency_seconds_bucket{op="encode",le="0.1"} 3
                latency_seconds_bucket{op="encode",le="0.5"} 4
                latency_seconds_bucket{op="encode",le="1"} 5
                latency_seconds_bucket{op="encode",le="+Inf"} 6
                latency_seconds_sum{op="encode"} 3.5
                latency_seconds_count{op="encode"} 6

                """)
    }

    @Test("removed series vanish until they are asked for again")
    func removal() {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("workers", help: "Workers.", labels: ["name"])
        gauge.with("a").set(1)
        gauge.with("b").set(2)
        gauge.remove("a")
        #expect(!text(registry).contains("\"a\""))
        #expect(text(registry).contains("workers{name=\"b\"} 2\n"))
        gauge.reset()
        #expect(text(registry).isEmpty)
        gauge.with("a").add(3)
        #expect(text(registry).contains("workers{name=\"a\"} 3\n"))
    }

    @Test("collectors run before each scrape")
    func collectors() {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("scrapes", help: "Scrapes.").with()
        registry.onScrape { gauge.add(1) }
        #expect(text(registry).contains("scrapes 1\n"))
        #expect(text(registry).contains("scrapes 2\n"))
    }

    @Test("numbers are written as Prometheus reads them")
    func numbers() {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("g", help: "G.").with()
        for (value, expected) in [
            (Double.infinity, "+Inf"), (-Double.infinity, "-Inf"), (Double.nan, "NaN"), (-3, "-3"), (0.001, "0.001"),
            (1e300, "1e+300"), (1_700_000_000, "1700000000"),
        ] {
            gauge.set(value)
            #expect(text(registry).hasSuffix("g \(expected)\n"))
        }
    }

    @Test("concurrent updates lose nothing")
    func concurrency() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("c_total", help: "C.", labels: ["x"])
        let histogram = registry.histogram("h", help: "H.", bounds: [1]).with()
        let gauge = registry.gauge("g", help: "G.").with()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for index in 0..<10_000 {
                        counter.with("\(index % 2)").increment()
                        histogram.observe(0.5)
                        gauge.add(1)
                    }
                }
            }
        }
        #expect(counter.with("0").value + counter.with("1").value == 80_000)
        #expect(histogram.count == 80_000)
        #expect(histogram.sum == 40_000)
        #expect(gauge.value == 80_000)
    }

    @Test("collected gauges are told anew at each scrape, and a family without samples is not there")
    func collected() {
        let registry = MetricsRegistry()
        let known = Mutex(["b": 2.5, "a\"": 1])
        registry.collectedGauge("things", help: "What there is.", labels: ["name"]) { add in
            for (name, value) in known.withLock({ $0 }).sorted(by: { $0.key < $1.key }) { add([name], value) }
        }
        #expect(
            String(decoding: registry.render(), as: UTF8.self) == """
                # HELP things What there is.
                # TYPE things gauge
                things{name="a\\""} 1
                things{name="b"} 2.5

                """)
        known.withLock { $0 = [:] }
        #expect(registry.render().isEmpty)
    }
}
