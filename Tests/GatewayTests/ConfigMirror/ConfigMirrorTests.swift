import AsyncHTTPClient
import Catalog
import Gateway
import Logging
import NATSClient
import NIOCore
import Observability
import TestSupport
import Testing
import Wire

/// The mirror's driver against a real sie-config and a real nats-server.
@Suite("Mirroring the control plane", .timeLimit(.minutes(1)), .serialized)
struct ConfigMirrorTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A running mirror, and what it publishes.
    struct Running: Sendable {
        let mirror: ConfigMirror
        let published: AsyncStream<Registry>
        let metrics: ConfigMetrics

        /// Waits until the catalogue in force is as wanted.
        func wait(until isWanted: (Registry) -> Bool) async throws {
            if isWanted(mirror.current.registry) { return }
            for await registry in published where isWanted(registry) { return }
            throw CancellationError()
        }

        func deltas(_ kind: String, _ result: String) -> UInt64 { metrics.deltas.with(kind, result).value }
    }

    static func with(
        url: String?, connection: NATSConnection? = nil, pollInterval: Duration = .seconds(3600), token: String? = nil,
        body: @Sendable (Running) async throws -> Void
    ) async throws {
        let (published, publish) = AsyncStream.makeStream(of: Registry.self)
        let metrics = ConfigMetrics(registry: MetricsRegistry())
        let mirror = ConfigMirror(
            seeds: Registry(bundles: [Bundle(id: "seed", adapters: ["st"])]),
            client: url.map { ConfigServiceClient(baseURL: $0, token: token, http: .shared) }, connection: connection,
            trust: ProducerTrust(producers: ["sie-config"]), pollInterval: pollInterval, metrics: metrics,
            logger: logger, publish: { publish.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await mirror.run() }
            try await body(Running(mirror: mirror, published: published, metrics: metrics))
            tasks.cancelAll()
        }
    }

    static func withNATS(_ body: @Sendable (NATSServerProcess, NATSConnection) async throws -> Void) async throws {
        let server = try await NATSServerProcess()
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [server.url]), logger: logger)
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        do {
            try await body(server, connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    @Test("without a control plane the seeds are in force")
    func seeds() async throws {
        try await Self.with(url: nil) { running in
            try await running.wait { $0.bundles.map(\.id) == ["seed"] }
            #expect(running.mirror.current.epoch == 0)
        }
    }

    @Test("a control plane that is down at the start is asked again until it answers")
    func bootstrapRetry() async throws {
        let control = try ControlPlane()
        try await Self.with(url: control.url) { running in
            while running.metrics.bootstrapFailures.value == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(running.mirror.current.registry.bundles.map(\.id) == ["seed"], "serving goes on with the seeds")
            #expect(running.metrics.degraded.value == 0, "one failure is no alarm")
            let service = try await control.start()
            try await running.wait { $0.bundles.map(\.id) == ["default"] }
            #expect(running.metrics.epoch.value == 0)
            withExtendedLifetime(service) {}
        }
    }

    @Test("a model posted to the control plane arrives as a delta, with its epoch")
    func delta() async throws {
        try await Self.withNATS { server, connection in
            let control = try ControlPlane(natsURL: server.url)
            let service = try await control.start()
            try await Self.with(url: control.url, connection: connection) { running in
                try await running.wait { $0.bundles.map(\.id) == ["default"] }
                try await control.post("org/new")
                try await running.wait { $0.modelID(matching: "ORG/new") == "org/new" }
                #expect(running.mirror.current.epoch == 1)
                #expect(running.metrics.epoch.value == 1)
                try await control.post("org/new", profiles: ["default", "fast"])
                try await running.wait { $0.model(named: "org/new")?.profile(named: "fast") != nil }
                #expect(running.mirror.current.epoch == 2)
                // Counted once it is applied, so a moment after the registry shows it.
                try await eventually("the count") { running.deltas("model_added", "applied") == 2 }
                let hash = running.mirror.current.registry.bundleConfigHash(of: "default")
                #expect(hash.count == 64)
            }
            withExtendedLifetime(service) {}
        }
    }

    /// A delta as a producer would send it.
    static func delta(producer: String, epoch: Int, model: String) -> ByteBuffer {
        ByteBuffer(
            string: #"{"router_id":"\#(producer)","bundle_id":"seed","epoch":\#(epoch),"bundle_config_hash":"","#
                + #""model_id":"org/x","model_config":"\#(model)"}"#)
    }

    @Test("deltas: strangers are not believed, bad ones leave the epoch where it was, and it never goes back")
    func deltaOutcomes() async throws {
        try await Self.withNATS { server, connection in
            let speaker = NATSConnection(
                configuration: try NATSConfiguration(servers: [server.url]), logger: Self.logger)
            try await speaker.start()
            try await speaker.waitUntilConnected(timeout: .seconds(10))
            let good = "sie_id: org/x\\nprofiles: {default: {adapter_path: 'st:A'}}\\n"
            try await Self.with(url: nil, connection: connection) { running in
                /// Sends until the mirror, whose subscription is made in the background, has heard it.
                func send(_ payload: ByteBuffer, kind: String, result: String) async throws {
                    let before = running.deltas(kind, result)
                    while running.deltas(kind, result) == before {
                        try speaker.publish(Subjects.allConfigDeltas, payload: payload)
                        try await speaker.flush()
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                try await send(
                    Self.delta(producer: "evil", epoch: 9, model: good), kind: "model_added",
                    result: "rejected_untrusted")
                try await send(
                    Self.delta(producer: "sie-configuration", epoch: 9, model: ""), kind: "epoch_bump",
                    result: "rejected_untrusted")
                #expect(running.mirror.current.epoch == 0)
                #expect(running.mirror.current.registry.models.isEmpty)
                try await send(
                    Self.delta(producer: "sie-config-0", epoch: 5, model: " \\n"), kind: "epoch_bump", result: "applied"
                )
                #expect(running.mirror.current.epoch == 5)
                try await send(
                    Self.delta(producer: "sie-config", epoch: 3, model: ""), kind: "epoch_bump", result: "applied")
                #expect(running.mirror.current.epoch == 5)
                try await send(
                    Self.delta(producer: "sie-config", epoch: 8, model: "{["), kind: "model_added",
                    result: "parse_error")
                let unknown = "sie_id: org/x\\nprofiles: {default: {adapter_path: 'nowhere:A'}}\\n"
                try await send(
                    Self.delta(producer: "sie-config", epoch: 8, model: unknown), kind: "model_added",
                    result: "apply_error")
                #expect(running.mirror.current.epoch == 5)
                try await send(
                    Self.delta(producer: "sie-config", epoch: 8, model: good), kind: "model_added", result: "applied")
                #expect(running.mirror.current.epoch == 8)
                #expect(running.mirror.current.registry.model(named: "org/x") != nil)
            }
            await speaker.close()
        }
    }

    @Test("what deltas missed the poll brings")
    func poll() async throws {
        let control = try ControlPlane()
        let service = try await control.start()
        try await Self.with(url: control.url, pollInterval: .milliseconds(30)) { running in
            try await running.wait { $0.bundles.map(\.id) == ["default"] }
            try await control.post("org/missed")
            try await running.wait { $0.model(named: "org/missed") != nil }
            #expect(running.mirror.current.epoch == 1)
        }
        withExtendedLifetime(service) {}
    }

    @Test("bundles that change without an epoch are noticed by their hash, and an outage in between is survived")
    func bundleDrift() async throws {
        let control = try ControlPlane()
        let first = try await control.start()
        try await Self.with(url: control.url, pollInterval: .milliseconds(30)) { running in
            try await running.wait { $0.bundles.map(\.id) == ["default"] }
            try await first.kill()
            try control.write(bundle: "extra", "name: extra\npriority: 5\nadapters: [st]\n")
            let second = try await control.start()
            try await running.wait { $0.bundles.map(\.id) == ["extra", "default"] }
            #expect(running.mirror.current.epoch == 0)
            withExtendedLifetime(second) {}
        }
    }

    @Test("a control plane that lost its epochs is followed back")
    func rewind() async throws {
        let control = try ControlPlane()
        let first = try await control.start()
        try await Self.with(url: control.url, pollInterval: .milliseconds(30)) { running in
            for name in ["org/a", "org/b", "org/c"] { try await control.post(name) }
            try await running.wait { $0.models.count == 3 }
            #expect(running.mirror.current.epoch == 3)
            try await first.kill()
            try control.emptyStore()
            let second = try await control.start()
            while running.mirror.current.epoch != 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(running.mirror.current.registry.models.count == 3, "nothing is forgotten before a restart")
            try await control.post("org/d")
            try await running.wait { $0.model(named: "org/d") != nil }
            #expect(running.mirror.current.epoch == 1)
            withExtendedLifetime(second) {}
        }
    }
}
