import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import Observability
import ServiceLifecycle
import TestSupport
import Testing

@Suite("Controller", .timeLimit(.minutes(1)))
struct ControllerTests {
    private struct Broken: Error {}

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "n", name: name) }

    private func fast(_ change: (inout Controller.Options) -> Void = { _ in }) -> Controller.Options {
        var options = Controller.Options()
        options.limits = WorkQueueLimits(base: .milliseconds(1), cap: .milliseconds(5), perSecond: 0)
        change(&options)
        return options
    }

    /// Runs a controller around a test.
    private func run(_ controller: Controller, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await controller.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test("a key that fails comes again until it succeeds, and the metrics tell")
    func retries() async throws {
        let registry = MetricsRegistry()
        let (done, telling) = AsyncStream.makeStream(of: String.self)
        let attempts = NIOLockedValueBox(0)
        let controller = Controller(
            name: "models", options: fast(), metrics: ControllerMetrics(registry: registry),
            logger: ClusterNamespace.logger
        ) { key, _ in
            let attempt = attempts.withLockedValue { count in
                count += 1
                return count
            }
            if attempt < 3 { throw Broken() }
            if attempt < 4 { return .requeue }
            if attempt < 5 { return .requeueAfter(.milliseconds(1)) }
            if attempt == 5 {
                telling.yield("done")
                return .done
            }
            telling.yield("terminal")
            throw TerminalReconcileError(Broken())
        }
        try await run(controller) {
            var iterator = done.makeAsyncIterator()
            controller.add(key("a"))
            #expect(await iterator.next() == "done")
            controller.add(key("a"))
            #expect(await iterator.next() == "terminal")
            let expected = [
                #"controller_runtime_reconcile_total{controller="models",result="error"} 3"#,
                #"controller_runtime_reconcile_total{controller="models",result="requeue"} 1"#,
                #"controller_runtime_reconcile_total{controller="models",result="requeue_after"} 1"#,
                #"controller_runtime_reconcile_total{controller="models",result="success"} 1"#,
                #"controller_runtime_reconcile_errors_total{controller="models"} 3"#,
                #"controller_runtime_terminal_reconcile_errors_total{controller="models"} 1"#,
                #"controller_runtime_max_concurrent_reconciles{controller="models"} 4"#,
                #"controller_runtime_active_workers{controller="models"} 0"#,
                #"controller_runtime_reconcile_time_seconds_count{controller="models"} 6"#,
                #"workqueue_adds_total{name="models",controller="models"} 2"#,
                #"workqueue_retries_total{name="models",controller="models"} 3"#,
                #"workqueue_depth{name="models",controller="models"} 0"#,
                #"workqueue_longest_running_processor_seconds{name="models",controller="models"} 0"#,
            ]
            try await eventually("the metrics") { () -> Bool in
                let text = String(decoding: registry.render(), as: UTF8.self)
                return expected.allSatisfy(text.contains)
            }
        }
    }

    @Test("many keys are worked on at a time, a key never twice at a time")
    func concurrency() async throws {
        let working = NIOLockedValueBox<(now: [ObjectKey: Int], most: Int, twice: Bool, count: Int)>(([:], 0, false, 0))
        let controller = Controller(
            name: "c", options: fast { $0.workers = 3 }, logger: ClusterNamespace.logger
        ) { key, _ in
            working.withLockedValue { state in
                state.now[key, default: 0] += 1
                state.most = max(state.most, state.now.count)
                if state.now[key] != 1 { state.twice = true }
            }
            try await Task.sleep(for: .milliseconds(1))
            working.withLockedValue { state in
                state.now[key] = nil
                state.count += 1
            }
            return .done
        }
        try await run(controller) {
            for round in 0..<200 {
                controller.add(key("\(round % 7)"))
                if round % 10 == 0 { try await Task.sleep(for: .milliseconds(1)) }
            }
            try await eventually("all") { controller.longestWork == .zero && working.withLockedValue { $0.count } >= 7 }
        }
        working.withLockedValue { state in
            #expect(!state.twice)
            #expect(state.most == 3)
        }
    }

    @Test("work that takes too long is cancelled and done again")
    func limit() async throws {
        let registry = MetricsRegistry()
        let attempts = NIOLockedValueBox(0)
        let (done, telling) = AsyncStream.makeStream(of: Void.self)
        let controller = Controller(
            name: "c", options: fast { $0.reconcileLimit = .milliseconds(20) },
            metrics: ControllerMetrics(registry: registry), logger: ClusterNamespace.logger
        ) { _, _ in
            let attempt = attempts.withLockedValue { count in
                count += 1
                return count
            }
            if attempt == 1 { try await Task.sleep(for: .seconds(3600)) }
            telling.yield()
            return .done
        }
        try await run(controller) {
            controller.add(key("a"))
            var iterator = done.makeAsyncIterator()
            await iterator.next()
            let text = String(decoding: registry.render(), as: UTF8.self)
            #expect(text.contains(#"controller_runtime_reconcile_timeouts_total{controller="c"} 1"#))
        }
    }

    @Test("a shutdown in good order finishes what is worked on, begins nothing, and cancels what takes too long")
    func shutdown() async throws {
        let began = AsyncStream.makeStream(of: String.self)
        let ended = NIOLockedValueBox<[String]>([])
        let (release, releasing) = AsyncStream.makeStream(of: Void.self)
        let controller = Controller(
            name: "c",
            options: fast {
                $0.workers = 2
                $0.shutdownLimit = .milliseconds(300)
            }, logger: ClusterNamespace.logger
        ) { key, _ in
            began.continuation.yield(key.name)
            do {
                if key.name == "short" {
                    for await _ in release { break }
                } else {
                    try await Task.sleep(for: .seconds(3600))
                }
                ended.withLockedValue { $0.append("\(key.name) finished") }
            } catch {
                ended.withLockedValue { $0.append("\(key.name) cancelled") }
            }
            return .done
        }
        for name in ["short", "long", "never"] { controller.add(key(name)) }
        let group = ServiceGroup(services: [controller], logger: ClusterNamespace.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = began.stream.makeAsyncIterator()
            let first = await iterator.next()
            let second = await iterator.next()
            #expect(Set([first, second]) == ["short", "long"])
            await group.triggerGracefulShutdown()
            releasing.yield()
            try await tasks.waitForAll()
            began.continuation.finish()
            #expect(await iterator.next() == nil)
        }
        #expect(ended.withLockedValue { $0 } == ["short finished", "long cancelled"])
    }

    @Test("what an informer tells becomes keys: what is there at the start comes after what changes")
    func events() async throws {
        let order = NIOLockedValueBox<[String]>([])
        let controller = Controller(
            name: "c", options: fast { $0.workers = 1 }, logger: ClusterNamespace.logger
        ) { key, _ in
            order.withLockedValue { $0.append(key.name) }
            return .done
        }
        func map(_ name: String, owner: String? = nil) -> ConfigMap {
            ConfigMap(metadata: ObjectMeta(name: name, namespace: "n", labels: owner.map { ["owner": $0] } ?? [:]))
        }
        let own = controller.handler(of: ConfigMap.self)
        let owners = controller.handler(of: ConfigMap.self) { map in
            map.metadata.labels["owner"].map { [ObjectKey(namespace: "n", name: $0)] } ?? []
        }
        await own(.added(map("first")))
        await own(.added(map("second")))
        await own(.synced)
        await own(.updated(from: map("second"), to: map("second")))
        await owners(.synced)
        await owners(.updated(from: map("x", owner: "old"), to: map("x", owner: "new")))
        await own(.deleted(map("gone"), isMissed: true))
        try await run(controller) {
            try await eventually("all keys") { order.withLockedValue { $0.count } == 5 }
        }
        #expect(order.withLockedValue { $0 } == ["second", "new", "old", "gone", "first"])
    }

    @Test("requests are counted by status, method and server")
    func requests() {
        let registry = MetricsRegistry()
        let metrics = RequestMetrics(registry: registry, server: "https://10.0.0.1:6443/prefix")
        for code in [200, 200, nil] {
            metrics.observe(
                RequestReport(verb: "list", method: "GET", code: code, duration: .milliseconds(30)))
        }
        let text = String(decoding: registry.render(), as: UTF8.self)
        #expect(text.contains(#"rest_client_requests_total{code="200",method="GET",host="10.0.0.1:6443"} 2"#))
        #expect(text.contains(#"rest_client_requests_total{code="<error>",method="GET",host="10.0.0.1:6443"} 1"#))
        #expect(
            text.contains(
                #"rest_client_request_duration_seconds_bucket{verb="GET",host="10.0.0.1:6443",le="0.1"} 3"#))
    }
}
