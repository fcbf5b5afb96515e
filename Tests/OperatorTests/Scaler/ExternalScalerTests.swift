import Operator
import Testing

@Suite("Answers to KEDA")
struct ExternalScalerTests {
    private let group = WorkerGroupName(bundle: "default", machineProfile: "l4")

    private func reference(_ change: (inout [String: String]) -> Void = { _ in }) -> ScaledObjectRef {
        var metadata = [
            "scalerAddress": "s:9090", "bundle": "default", "machineProfile": "l4", "queueDepthPerWorker": "5",
            "queueDepthActivation": "0",
        ]
        change(&metadata)
        return ScaledObjectRef(name: "so", namespace: "n", scalerMetadata: metadata)
    }

    @Test("a trigger is read from its metadata; numbers that are not there have the CRD's defaults")
    func trigger() throws {
        #expect(
            try ExternalScaler.Trigger(reference()) == .init(group, queueDepthPerWorker: 5, queueDepthActivation: 0))
        let plain = reference {
            $0["queueDepthPerWorker"] = nil
            $0["queueDepthActivation"] = nil
        }
        let defaults = SIEBundle.WorkerGroup.Scaling()
        #expect(
            try ExternalScaler.Trigger(plain)
                == .init(
                    group, queueDepthPerWorker: defaults.queueDepthPerWorker,
                    queueDepthActivation: defaults.queueDepthActivation))
    }

    @Test(
        "what is missing or wrong in a trigger is named",
        arguments: [
            ("bundle", String?.none, "the trigger of n/so has no bundle"),
            ("machineProfile", "", "the trigger of n/so has no machineProfile"),
            ("queueDepthPerWorker", "0", "queueDepthPerWorker must be a number from 1 on, not '0'"),
            ("queueDepthActivation", "x", "queueDepthActivation must be a number from 0 on, not 'x'"),
            ("queueDepthPerWorker", "99999999999", "queueDepthPerWorker must be a number from 1 on, not '99999999999'"),
        ])
    func wrongTrigger(_ key: String, _ value: String?, _ message: String) {
        let wrong = reference { $0[key] = value }
        #expect(throws: GRPCStatus(.invalidArgument, message)) { try ExternalScaler.Trigger(wrong) }
    }

    @Test("the queue has the trigger's target, the capacity counts workers")
    func metrics() throws {
        let trigger = try ExternalScaler.Trigger(reference())
        #expect(
            ExternalScaler.metricSpec(trigger) == [ScalerMetric("sie_queue", 5), ScalerMetric("sie_capacity", 1)])
        let signals = DemandBook.Signals(isPending: true, queuedItems: 12, leased: 3)
        let both = [ScalerMetric("sie_queue", 12), ScalerMetric("sie_capacity", 3)]
        #expect(try ExternalScaler.metrics("", signals) == both)
        #expect(try ExternalScaler.metrics("sie_queue", signals) == [both[0]])
        #expect(try ExternalScaler.metrics("s0-sie_capacity", signals) == [both[1]])
        for name in ["other", "s-sie_queue", "sx-sie_queue", "s0-", "sie_queue "] {
            #expect(throws: GRPCStatus(.invalidArgument, "there is no metric '\(name)'")) {
                try ExternalScaler.metrics(name, signals)
            }
        }
    }

    @Test("every name that is told is one that is answered")
    func names() throws {
        for metric in ExternalScaler.metricSpec(try ExternalScaler.Trigger(reference())) {
            #expect(try ExternalScaler.metrics(metric.name, .init()).map(\.name) == [metric.name])
        }
    }

    // MARK: Being told

    @Test("those who want to be told are told now and at every change, and of nothing that is not known")
    func feed() throws {
        let told = ToldStates()
        let feed = DemandFeed(clock: { 0 })
        let trigger = ExternalScaler.Trigger(group)
        let id = feed.subscribe(trigger) { told.append($0) }
        #expect(told.all.isEmpty)
        feed.update { book, now in book.follow(["a": "gateway-a"], now: now) }
        #expect(told.all.isEmpty)
        let group = group
        func answer(_ isPending: Bool) {
            feed.update { book, now in
                book.take(GatewayDemand(pending: isPending ? [.init(group)] : []), of: "a", now: now)
            }
        }
        for isPending in [false, false, true, true, false] { answer(isPending) }
        #expect(told.all == [false, true, false])
        let late = ToldStates()
        _ = feed.subscribe(trigger) { late.append($0) }
        #expect(late.all == [false])
        feed.unsubscribe(id)
        answer(true)
        #expect(told.all == [false, true, false] && late.all == [false, true])
    }
}
