import AsyncHTTPClient
import Catalog
import CurlClient
import HTTPService
import Hummingbird
import Inference
import Logging
import NATSClient
import NIOCore
import NIOPosix
import ObjectStore
import Observability
import ServiceLifecycle
import Settings
import UnixSignals
import Wire

/// A whole worker, put together from its configuration: what talks to what, what starts before what.
package struct WorkerProcess: Sendable {
    private let configuration: WorkerConfiguration

    package init(configuration: WorkerConfiguration) {
        self.configuration = configuration
    }

    /// Serves until SIGINT or SIGTERM, then stops pulling, gives back what has not started, finishes what runs.
    ///
    /// - Throws: `SettingError` or `CatalogError` where the configuration cannot be used, `HTTPServerError` where
    ///   the port cannot be had.
    package func run() async throws {
        LogConfiguration(
            level: LogConfiguration.level(named: configuration.logLevel), format: configuration.jsonLogs ? .json : .text
        ).bootstrap()
        let logger = Logger(label: "sie-worker")
        // One loop: what a worker receives and sends is little work beside the inference.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await serve(on: group, logger: logger)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func serve(on group: MultiThreadedEventLoopGroup, logger: Logger) async throws {
        let clock = WorkerClock.system
        let metrics = WorkerMetrics(registry: MetricsRegistry())
        let registry = try loadCatalog(logger: logger)
        let pool = InferencePool(
            InferencePool.Configuration(
                threads: configuration.engine.threads, tokenBudget: configuration.engine.tokenBudget))
        let models = ModelHost(
            registry: registry,
            scope: ModelHost.Scope(bundle: configuration.catalog.bundle, filter: configuration.catalog.modelFilter),
            loader: CheckpointLoader(
                locator: CheckpointLocator(weightCache: configuration.catalog.weightCache), pool: pool,
                engine: try CPUEngine(), maxWaitingItems: configuration.engine.maxWaitingItems),
            metrics: metrics, clock: clock, logger: logger)
        let connection = try connect(on: group.next(), logger: logger)
        let bucket = try payloadBucket()
        let work = try makeWorkLoop(
            payloads: try bucket ?? payloadDirectory(), connection: connection, models: models, metrics: metrics,
            clock: clock, logger: logger)
        let reporter = StatusReporter(
            configuration: configuration, models: models, metrics: metrics, clock: clock,
            isServing: { work.isPulling && connection.status == .connected },
            takesBatches: { work.isPullingBatches })
        metrics.registry.onScrape {
            for model in models.status() { metrics.queueDepth.with(model.name).set(Double(model.queueDepth)) }
        }
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(host: configuration.host, port: configuration.port),
            routes: HealthRoutes.router(status: reporter, metrics: metrics.registry).buildResponder(),
            webSockets: [StatusStream.route(reporter)], group: group, logger: logger)
        let http = HTTPClient(eventLoopGroupProvider: .shared(group))
        let source = configuration.catalog.configServiceURL.map {
            ConfigFeed.Source(baseURL: $0, token: configuration.catalog.configServiceToken, http: http)
        }
        do {
            // Before anything else starts: a port in use is the commonest reason not to.
            try await server.bind()
            // Shut down from the last to the first: readiness goes, then the queue, and the probes answer to the end.
            // Its readers are shut down before the bucket is.
            let payloads: [any Service] = bucket.map { [$0] } ?? []
            try await ServiceGroup(
                services: [server, connection] + payloads + [
                    ConfigFeed(
                        bundle: configuration.catalog.bundle, connection: connection, source: source, models: models,
                        logger: logger),
                    work,
                    Readiness(
                        preload: configuration.catalog.preload, models: models, reporter: reporter, logger: logger),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
            ).run()
        } catch {
            try? await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private func loadCatalog(logger: Logger) throws -> Registry {
        let catalog = configuration.catalog
        let bundles = try CatalogDirectory(catalog.bundlesDirectory).bundles()
        let models = CatalogDirectory(catalog.modelsDirectory).models()
        for problem in bundles.problems + models.problems {
            logger.warning("not loaded", metadata: ["path": "\(problem.path)", "reason": "\(problem.reason)"])
        }
        let registry = Registry(bundles: bundles.files, models: models.files)
        guard registry.bundle(named: catalog.bundle) != nil else {
            throw SettingError(
                "bundle '\(catalog.bundle)' is not among the files of \(catalog.bundlesDirectory) [SIE_BUNDLES_DIR]")
        }
        return registry
    }

    private func connect(on eventLoop: any EventLoop, logger: Logger) throws -> NATSConnection {
        var nats = try NATSConfiguration(servers: configuration.queue.natsServers, name: "sie-worker")
        if let path = configuration.queue.natsCredentialsFile { nats.credentials = .credentialsFile(path: path) }
        return NATSConnection(configuration: nats, eventLoop: eventLoop, logger: logger)
    }

    /// The bucket of items too large for the queue; nil where they are elsewhere.
    private func payloadBucket() throws -> PayloadBucket? {
        guard let location = try configuration.queue.payloadStore.flatMap({ try ObjectStoreLocation($0) }) else {
            return nil
        }
        return PayloadBucket(
            try location.withDefaultPrefix("payloads")
                .open(environment: configuration.queue.payloadStoreEnvironment, client: try CurlClient()))
    }

    private func payloadDirectory() throws -> PayloadDirectory? {
        try configuration.queue.payloadStore.map { location throws(SettingError) in try PayloadDirectory(location) }
    }

    private func makeWorkLoop(
        payloads: (any PayloadSource)?, connection: NATSConnection, models: ModelHost, metrics: WorkerMetrics,
        clock: WorkerClock, logger: Logger
    ) throws -> WorkLoop {
        let queue = configuration.queue
        let lane = try WorkLane(
            bundle: configuration.catalog.bundle, pool: queue.pool, maxDeliver: queue.maxDeliver,
            streamMaxAge: queue.streamMaxAge, ackWait: queue.ackWait)
        return WorkLoop(lane: lane, connection: connection, window: queue.fetchBudget, logger: logger) { onSettled in
            WorkDispatcher(
                models: models,
                publisher: ResultPublisher(connection: connection, workerName: configuration.workerName),
                metrics: metrics,
                nakDelays: WorkDispatcher.NakDelays(
                    unavailable: queue.nakDelay, outOfMemory: queue.outOfMemoryNakDelay),
                payloads: payloads, ackWait: queue.ackWait, clock: clock, logger: logger, onSettled: onSettled)
        }
    }
}
