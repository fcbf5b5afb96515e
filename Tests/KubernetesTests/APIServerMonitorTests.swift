import CurlClient
import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite("Monitor of the API server", .timeLimit(.minutes(2)))
struct APIServerMonitorTests {
    // MARK: Silence

    /// An informer of ConfigMaps behind a relay, and what it tells.
    private func follow(
        _ body: (ClusterNamespace, SilentRelay, KubernetesClient, NIOLockedValueBox<[String]>) async throws -> Void
    ) async throws {
        let cluster = try await ClusterNamespace()
        let relay = try await SilentRelay(to: cluster.server.port)
        var configuration = try ClusterConfiguration.load(
            kubeconfig: try cluster.server.kubeconfig(namespace: cluster.name), environment: [:])
        configuration.proxy = .none
        configuration.server = "https://127.0.0.1:\(relay.port)"
        let watches = NIOLockedValueBox(0)
        var options = KubernetesClient.Options()
        options.requestsPerSecond = 0
        options.observer = { report in if report.verb == "watch" { watches.withLockedValue { $0 += 1 } } }
        let client = KubernetesClient(configuration, curl: try CurlClient(), options: options)
        let told = NIOLockedValueBox<[String]>([])
        var informing = Informer<ConfigMap>.Options()
        informing.backoff = Backoff(base: .milliseconds(10), cap: .milliseconds(50))
        let informer = Informer(
            client.resources(ConfigMap.self, in: cluster.name), options: informing, logger: ClusterNamespace.logger
        ) { event in
            if let name = event.object?.metadata.name { told.withLockedValue { $0.append(name) } }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await informer.run() }
            defer { group.cancelAll() }
            try await eventually("a watch") { watches.withLockedValue { $0 } > 0 }
            try await body(cluster, relay, client, told)
        }
    }

    @Test(
        "a watch whose connection has gone silent begins again on another one, and misses nothing",
        .enabled(if: KubernetesAPIServer.isInstalled))
    func silence() async throws {
        try await follow { cluster, relay, client, told in
            let maps = try cluster.client().resources(ConfigMap.self, in: cluster.name)
            relay.fallSilent()
            try await maps.create(ConfigMap(metadata: ObjectMeta(name: "unseen")))
            var options = APIServerMonitor.Options()
            options.interval = .milliseconds(100)
            options.timeout = .milliseconds(300)
            let monitor = APIServerMonitor(client, options: options, logger: ClusterNamespace.logger)
            // Without anybody who asks, nothing comes.
            try await Task.sleep(for: .milliseconds(500))
            #expect(!told.withLockedValue { $0 }.contains("unseen"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await monitor.run() }
                defer { group.cancelAll() }
                try await eventually("the change", within: .seconds(10)) {
                    told.withLockedValue { $0 }.contains("unseen")
                }
            }
        }
    }

    @Test(
        "connections that work are left alone, however often the server is asked",
        .enabled(if: KubernetesAPIServer.isInstalled))
    func health() async throws {
        try await follow { cluster, relay, client, told in
            let connections = relay.count
            for _ in 0..<20 { #expect(try await client.ping(timeout: .seconds(10)).status == 200) }
            try await cluster.client().resources(ConfigMap.self, in: cluster.name).create(
                ConfigMap(metadata: ObjectMeta(name: "seen")))
            try await eventually("the change") { told.withLockedValue { $0 }.contains("seen") }
            #expect(relay.count == connections)
        }
    }

    // MARK: Clocks

    @Test("dates of answers are read, and nothing else is")
    func dates() {
        #expect(HTTPDate("Sun, 06 Nov 1994 08:49:37 GMT")?.secondsSince1970 == 784_111_777)
        #expect(HTTPDate("Thu, 29 Feb 2024 00:00:00 GMT")?.secondsSince1970 == 1_709_164_800)
        #expect(HTTPDate("Thu, 01 Jan 1970 00:00:00 GMT")?.secondsSince1970 == 0)
        for text in [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 GMT",
        ] {
            #expect(HTTPDate(text) == nil, "\(text)")
        }
    }

    @Test("clocks that are apart are told of once, and once more when they agree again")
    func skew() throws {
        let date = try #require(HTTPDate("Sun, 06 Nov 1994 08:49:37 GMT"))
        let time = Double(date.secondsSince1970)
        var skew = ClockSkew(limitSeconds: 30)
        #expect(skew.seconds == nil)
        #expect(skew.seen(date, asked: time + 29, answered: time + 29.5) == nil)
        #expect(skew.seen(nil, asked: time + 100, answered: time + 100) == nil)
        #expect(skew.seen(date, asked: time + 40, answered: time + 41) == .began(seconds: 40))
        #expect(skew.seconds == 40)
        #expect(skew.seen(date, asked: time + 60, answered: time + 60) == nil)
        // An answer that was long on its way says nothing.
        #expect(skew.seen(date, asked: time, answered: time + 6) == nil && skew.seconds == 59.5)
        #expect(skew.seen(date, asked: time, answered: time + 1) == .ended)
        #expect(skew.seen(date, asked: time - 100, answered: time - 99) == .began(seconds: -100))
    }

    @Test("the server's clock is seen in its answers")
    func clock() async throws {
        let server = try await LoopbackHTTPServer { _, _ in
            .text("{}", headers: [("Date", "Sun, 06 Nov 1994 08:49:37 GMT")])
        }
        let client = KubernetesClient(
            ClusterConfiguration(server: server.url, proxy: .none), curl: try CurlClient())
        let seen = NIOLockedValueBox<Double?>(nil)
        var options = APIServerMonitor.Options()
        options.now = { 784_111_877.5 }
        options.onSkew = { seconds in seen.withLockedValue { $0 = seconds } }
        let monitor = APIServerMonitor(client, options: options, logger: ClusterNamespace.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await monitor.run() }
            defer { group.cancelAll() }
            try await eventually("the skew") { seen.withLockedValue { $0 } == 100 }
        }
        #expect(server.requests.first?.target == "/version")
    }
}
