import Catalog
import Logging
import NATSClient
import NIOCore
import Observability
import ServiceLifecycle
import Synchronization
import Wire

/// Keeps the gateway's catalogue in step with `sie-config`: a bootstrap at start, deltas over NATS, and a poll that
/// notices what deltas missed. Serving never waits for it.
package final class ConfigMirror: Service {
    /// Time between two looks at the control plane's epoch.
    package static let defaultPollInterval: Duration = .seconds(30)

    private let client: ConfigServiceClient?
    private let connection: NATSConnection?
    private let trust: ProducerTrust
    private let pollInterval: Duration
    private let metrics: ConfigMetrics
    private let logger: Logger
    private let publish: @Sendable (Registry) -> Void
    private let state: Mutex<MirroredCatalog>

    /// - Parameters:
    ///   - seeds: the catalogue to start with.
    ///   - client: nil where no `sie-config` is configured.
    ///   - connection: nil where no NATS is configured.
    ///   - publish: called with the seeds at start and with the catalogue after every change, in order.
    package init(
        seeds: Registry, client: ConfigServiceClient?, connection: NATSConnection?, trust: ProducerTrust,
        pollInterval: Duration = defaultPollInterval, metrics: ConfigMetrics, logger: Logger,
        publish: @escaping @Sendable (Registry) -> Void
    ) {
        state = Mutex(MirroredCatalog(registry: seeds))
        self.client = client
        self.connection = connection
        self.trust = trust
        self.pollInterval = pollInterval
        self.metrics = metrics
        self.logger = logger
        self.publish = publish
        publish(seeds)
    }

    /// The catalogue in force and its epoch.
    package var current: (registry: Registry, epoch: UInt64) { state.withLock { ($0.registry, $0.sync.epoch) } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                // Before the bootstrap, and known to the server: what changes while the export is read is not lost.
                if let deltas = await self.subscribeToDeltas() {
                    tasks.addTask { for await message in deltas { self.apply(message) } }
                }
                guard let client = self.client else { return }
                tasks.addTask { await self.bootstrap(from: client) }
                tasks.addTask { await self.poll(client) }
            }
            // With nothing to follow, a service that ended would end the others.
            while (try? await Task.sleep(for: .seconds(3600))) != nil {}
        }
    }

    // MARK: Snapshots

    private func bootstrap(from client: ConfigServiceClient) async {
        var schedule = BootstrapSchedule()
        let start = ContinuousClock.now
        while !Task.isCancelled {
            do throws(ConfigServiceClient.Failure) {
                return try await synchronize(with: client)
            } catch {
                let delay = schedule.failed(elapsed: start.duration(to: .now))
                metrics.bootstrapFailures.increment()
                metrics.degraded.set(schedule.isDegraded)
                logger.warning(
                    "configuration not fetched", metadata: ["error": "\(error)", "retry_in": "\(delay)"])
                guard (try? await Task.sleep(for: delay)) != nil else { return }
            }
        }
    }

    /// Fetches and installs a snapshot.
    private func synchronize(
        with client: ConfigServiceClient, rewindingTo epoch: UInt64? = nil
    ) async throws(ConfigServiceClient.Failure) {
        // Before the bundles: if they change while they are read, the next poll sees another hash.
        let bundlesHash = try await client.epoch().bundlesHash
        let bundles = try await client.bundles()
        let export = try await client.export()
        let (rejections, models) = change { catalog in
            catalog.apply(bundles: bundles, bundlesHash: bundlesHash, export: export)
            if let epoch { catalog.rewind(to: epoch) }
            return (catalog.rejections, catalog.registry.models.count)
        }
        for rejection in rejections {
            logger.error("model refused", metadata: ["model": "\(rejection.model)", "reason": "\(rejection.reason)"])
        }
        metrics.degraded.set(!rejections.isEmpty)
        logger.info(
            "configuration in force",
            metadata: ["epoch": "\(export.epoch)", "bundles": "\(bundles.count)", "models": "\(models)"])
    }

    private func poll(_ client: ConfigServiceClient) async {
        while (try? await Task.sleep(for: pollInterval)) != nil {
            do throws(ConfigServiceClient.Failure) {
                let remote = try await client.epoch()
                let decision = state.withLock {
                    $0.sync.decide(remoteEpoch: remote.epoch, remoteBundlesHash: remote.bundlesHash)
                }
                switch decision {
                case .inSync: break
                case .bootstrap: try await synchronize(with: client)
                case .bootstrapAndRewind(let epoch): try await synchronize(with: client, rewindingTo: epoch)
                }
            } catch {
                logger.warning("configuration poll failed", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Seeds

    /// Takes seeds that have changed on disk. From any thread.
    package func replaceSeeds(_ seeds: Registry) { change { $0.replaceSeeds(seeds) } }

    // MARK: Deltas

    private func subscribeToDeltas() async -> NATSSubscription? {
        guard let connection else { return nil }
        do {
            let deltas = try await connection.subscribe(Subjects.allConfigDeltas)
            // A server that is away is told when it is back; the poll finds what was said until then.
            try? await connection.flush(timeout: .seconds(2))
            return deltas
        } catch {
            logger.error("configuration deltas not followed", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func apply(_ message: NATSMessage) {
        let delta: ConfigDelta
        do {
            delta = try message.payload.withUnsafeReadableBytes { try ConfigDelta(decoding: $0) }
        } catch {
            logger.warning("unreadable configuration delta", metadata: ["error": "\(error)"])
            return
        }
        apply(delta)
    }

    /// Applies what a producer announced. From any thread.
    package func apply(_ delta: ConfigDelta) {
        let (outcome, reason) = change { $0.apply(delta, trust: trust) }
        metrics.deltas.with(delta.isEpochBump ? "epoch_bump" : "model_added", outcome.rawValue).increment()
        let metadata: Logger.Metadata = [
            "model": "\(delta.modelID)", "epoch": "\(delta.epoch)", "result": "\(outcome.rawValue)",
            "reason": "\(reason ?? "")",
        ]
        logger.log(level: outcome == .applied ? .info : .warning, "configuration delta", metadata: metadata)
    }

    /// Changes the catalogue and publishes it before another change can.
    private func change<Outcome: Sendable>(_ body: (inout MirroredCatalog) -> Outcome) -> Outcome {
        state.withLock { catalog in
            let outcome = body(&catalog)
            metrics.epoch.set(Double(catalog.sync.epoch))
            publish(catalog.registry)
            return outcome
        }
    }
}
