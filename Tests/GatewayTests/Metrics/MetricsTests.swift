import Gateway
import Logging
import Observability
import Testing
import Wire

@Suite("Metric families")
struct MetricsTests {
    static func samples(_ registry: MetricsRegistry) -> Set<Substring> {
        Set(String(decoding: registry.render(), as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") })
    }

    @Test("the families that queries want are there before anything has happened")
    func sentinels() {
        let registry = MetricsRegistry()
        let metrics = InferenceMetrics(registry: registry)
        let pools = PoolMetrics(registry: registry)
        let samples = Self.samples(registry)
        for sample in [
            #"sie_gateway_requests_total{endpoint="",status="",machine_profile=""} 0"#,
            #"sie_gateway_provisioning_responses_total{machine_profile=""} 0"#,
            #"sie_gateway_pending_demand{machine_profile="",bundle=""} 0"#,
            #"sie_gateway_rejected_requests_total{machine_profile="",bundle="",reason=""} 0"#,
            #"sie_gateway_active_lease_gpus{machine_profile="",bundle=""} 0"#,
            #"sie_gateway_pool_events_total{event="expired"} 0"#, "sie_gateway_nats_connected 0",
            "sie_gateway_queue_inbox_skips_total 0",
            "sie_gateway_queue_ack_failures_total 0",
        ] {
            #expect(samples.contains(Substring(sample)), "\(sample)")
        }
        withExtendedLifetime((metrics, pools)) {}
    }

    @Test("what active pools hold is shown as configured; pending ones and the default pool hold nothing")
    func leases() async throws {
        let registry = MetricsRegistry()
        let metrics = PoolMetrics(registry: registry)
        let workers = PoolWorkers.records([
            PoolWorkers.worker("w1"), PoolWorkers.worker("w2"), PoolWorkers.worker("w3", bundle: "x"),
        ])
        let pools = PoolDirectory(
            configuredMachineProfiles: ["L4", "a100"], hasDefaultPool: true, metrics: metrics,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, fleet: { WorkerSnapshot(workers) },
            fleetChanges: AsyncStream.makeStream(), publish: { _ in })
        metrics.collect(at: registry, from: pools)
        func leases() -> Set<Substring> { Self.samples(registry).filter { $0.hasPrefix("sie_gateway_active_lease") } }
        let sentinel: Substring = #"sie_gateway_active_lease_gpus{machine_profile="",bundle=""} 0"#
        #expect(leases() == [sentinel])
        _ = try await pools.create(PoolTableTests.specification("a", [("l4", 2)], bundle: "default"))
        _ = try await pools.create(PoolTableTests.specification("b", [("l4", 1)], bundle: "x"))
        _ = try await pools.create(PoolTableTests.specification("c", [("a100", 1)]))
        #expect(
            leases() == [
                sentinel, #"sie_gateway_active_lease_gpus{machine_profile="L4",bundle="default"} 2"#,
                #"sie_gateway_active_lease_gpus{machine_profile="L4",bundle="x"} 1"#,
            ])
        #expect(await pools.delete("a") == .deleted)
        #expect(
            leases() == [sentinel, #"sie_gateway_active_lease_gpus{machine_profile="L4",bundle="x"} 1"#])
    }

    @Test("known statuses are labels, all others are xxx")
    func statuses() {
        for status in [
            200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504,
        ] {
            #expect(InferenceMetrics.label(status: status) == String(status))
        }
        for status in [0, 100, 418, 599, -1] { #expect(InferenceMetrics.label(status: status) == "xxx") }
    }

    @Test("the spellings that autoscalers exclude by exact match")
    func reasons() {
        #expect(
            Set(RejectionReason.allCases.map(\.rawValue)).isSuperset(of: [
                "resource_exhausted", "upstream_model_loading", "upstream_timeout_model_loading",
                "upstream_lora_loading",
            ]))
    }

    @Test("each scrape shows the fleet of its moment, and what vanished is gone")
    func fleet() {
        let registry = MetricsRegistry()
        let fleet = FleetSource()
        FleetMetrics.register(in: registry, snapshot: { fleet.snapshot })
        fleet.report("a", ready: true, models: ["m"], depth: 3)
        fleet.report("b", ready: false, models: [], depth: 5)
        #expect(
            Self.samples(registry) == [
                #"sie_gateway_workers{status="healthy"} 1"#, #"sie_gateway_workers{status="unhealthy"} 1"#,
                #"sie_gateway_worker_queue_depth{worker="a",machine_profile="l4",bundle="default"} 3"#,
                #"sie_gateway_worker_queue_depth{worker="b",machine_profile="l4",bundle="default"} 5"#,
                #"sie_gateway_worker_memory_used_bytes{worker="a",machine_profile="l4",bundle="default"} 1000"#,
                #"sie_gateway_worker_memory_used_bytes{worker="b",machine_profile="l4",bundle="default"} 1000"#,
                #"sie_gateway_model_workers{model="m"} 1"#,
            ])
        fleet.remove("a")
        #expect(
            Self.samples(registry) == [
                #"sie_gateway_workers{status="healthy"} 0"#, #"sie_gateway_workers{status="unhealthy"} 1"#,
                #"sie_gateway_worker_queue_depth{worker="b",machine_profile="l4",bundle="default"} 5"#,
                #"sie_gateway_worker_memory_used_bytes{worker="b",machine_profile="l4",bundle="default"} 1000"#,
            ])
    }
}
