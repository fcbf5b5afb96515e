import AsyncHTTPClient
import Catalog
import FoundationEssentials
import HTTPService
import Hummingbird
import Kubernetes
import Logging
import NATSClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Observability
import ServiceLifecycle
import Settings
import Synchronization
import UnixSignals

/// A whole gateway, put together from its configuration: what talks to what, what starts before what.
package struct GatewayServer: Sendable {
    private let configuration: GatewayConfiguration
    private let environment: Settings.Environment

    /// - Parameter environment: leads to the keys of buckets and upstreams.
    package init(_ configuration: GatewayConfiguration, environment: Settings.Environment) {
        self.configuration = configuration
        self.environment = environment
    }

    /// Serves until SIGINT or SIGTERM, then finishes open requests and returns.
    ///
    /// - Throws: ``LoopProcessors/Invalid`` for processors that are none of this process's, `HTTPServerError` when it
    ///   cannot listen, `NATSError` when the NATS URL is none, `ObjectStoreError` when the payload store is none.
    package func run() async throws {
        LogConfiguration(
            level: LogConfiguration.level(named: configuration.logLevel), format: configuration.logsJSON ? .json : .text
        ).bootstrap()
        let logger = Logger(label: "sie-gateway")
        let group =
            try configuration.loopProcessors.map { try LoopProcessors($0).makeEventLoopGroup() }
            ?? MultiThreadedEventLoopGroup(
                numberOfThreads: configuration.eventLoops ?? HTTPServerConfiguration.defaultEventLoopCount)
        do {
            try await serve(on: group, logger: logger)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func serve(on group: MultiThreadedEventLoopGroup, logger: Logger) async throws {
        let metrics = MetricsRegistry()
        let inferenceMetrics = InferenceMetrics(registry: metrics)
        // The queue's loop also serves connections; where it is the only one, requests never change threads.
        let queueLoop = group.next()
        let connection = try connect(on: queueLoop, logger: logger)
        let queue = try connection.map { connection in
            WorkQueue(
                connection: connection,
                configuration: WorkQueue.Configuration(
                    routerID: UUID().uuidString.lowercased(),
                    requestTimeout: .nanoseconds(Int64(configuration.requestTimeoutSeconds * 1e9)),
                    maximumPending: configuration.maximumStreamPending),
                payloads: try payloadStore(),
                metrics: inferenceMetrics, logger: logger)
        }
        let tokenFile = try configuration.authentication.tokensFile.map { try TokenFile(path: $0, logger: logger) }
        let access = try AccessRule(configuration.authentication, tokenFile: tokenFile)
        for finding in AuthenticationFinding.findings(in: configuration.authentication) {
            logger.log(level: finding.severity == .error ? .error : .warning, "\(finding.message)")
        }
        let audit = AuditLog()
        let verdict: @Sendable (RequestHead, _ authorization: String?) -> HTTPReply? = { head, authorization in
            access.verdict(
                method: head.method.rawValue, path: String(head.uri.pathOfRequestTarget), authorization: authorization
            ).reply
        }
        let localModels = LocalModels()
        let table = try UpstreamFile.load(path: configuration.upstreamsFile, environment: environment)
        let forwarder = UpstreamForwarder(
            table, group: group, metrics: UpstreamMetrics(registry: metrics), logger: logger)
        let limits = RateLimits()
        let upstreams = UpstreamLane(
            table: table, forwarder: forwarder,
            // The second is how clients of model gateways show their token.
            authorize: { verdict($0, $0.first("authorization") ?? $0.first("x-gateway-key")) },
            identify: { access.grant(authorization: $0.first("authorization") ?? $0.first("x-gateway-key")) },
            limits: limits,
            isLocal: { localModels.knows($0) },
            observe: audit.observer)
        // Who lets everybody in looks at nobody.
        var (authorize, identify): (InferenceLane.Authorize?, InferenceLane.Identify?) = (nil, nil)
        if !access.allowsEverybody {
            authorize = { verdict($0, $0.first("authorization")) }
            identify = { access.grant(authorization: $0.first("authorization")) }
        }
        let lane = InferenceLane(
            configuration: laneConfiguration, queue: queue, eventLoop: queueLoop, metrics: inferenceMetrics,
            logger: logger,
            authorize: authorize, identify: identify,
            limits: limits,
            elsewhere: { upstreams.embeddings($0, model: $1) },
            observe: audit.observer,
            busyPolls: configuration.busyPollMicroseconds == 0
                ? nil
                : try await BusyPolls.start(on: group, for: .microseconds(Int64(configuration.busyPollMicroseconds))))
        let http = HTTPClient(eventLoopGroupProvider: .shared(group))
        let seeds = SeedDirectories(bundles: configuration.bundlesDirectory, models: configuration.modelsDirectory)
        let seeded = Seeds.load(seeds, logger: logger)
        if let taken = table.listing.first(where: { seeded.model(named: $0.id) != nil }) {
            throw UpstreamFile.Invalid(problems: [
                "the model '\(taken.id)' of '\(taken.owner)' is one of this cluster's"
            ])
        }
        let mirror = ConfigMirror(
            seeds: seeded,
            client: configuration.configServiceURL.map {
                ConfigServiceClient(baseURL: $0, token: configuration.authentication.adminToken, http: http)
            },
            connection: connection,
            trust: ProducerTrust(
                producers: configuration.trust.trustsAnyProducer ? [] : configuration.trust.producers),
            metrics: ConfigMetrics(registry: metrics), logger: logger,
            publish: { registry in
                localModels.set(registry)
                lane.update(registry: registry)
            })
        let cluster = try kubernetes(logger: logger)
        let fleetChanges = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let fleet = FleetMonitor(
            source: fleetSource(connection, discovered: cluster?.workers.urls), group: group, logger: logger,
            publish: { lanes in
                lane.update(lanes: lanes)
                fleetChanges.continuation.yield()
            })
        let poolMetrics = PoolMetrics(registry: metrics)
        let pools = PoolDirectory(
            configuredMachineProfiles: configuration.configuredMachineProfiles,
            hasDefaultPool: configuration.enablesPools || cluster != nil, shared: cluster?.pools, metrics: poolMetrics,
            logger: logger,
            fleet: { fleet.snapshot }, fleetChanges: fleetChanges, publish: { lane.update(pools: $0) })
        poolMetrics.collect(at: metrics, from: pools)
        FleetMetrics.register(in: metrics, snapshot: { fleet.snapshot })
        let draining = DrainingFlag()
        let throughput = Throughput(metrics: inferenceMetrics)
        let documents = { @Sendable [profiles = configuration.configuredMachineProfiles] in
            let (registry, epoch) = mirror.current
            return ClusterDocuments(
                fleet: fleet.snapshot, registry: registry, epoch: epoch, configuredMachineProfiles: profiles,
                requestsPerSecond: throughput.perSecond, upstreamModels: table.listing, upstreams: forwarder.health)
        }
        let routes = SurfaceRoutes(
            documents: documents,
            demand: { await lane.pendingDemand() }, isDraining: { draining.isSet }, pools: pools, metrics: metrics,
            access: access, audit: audit)
        var listener = HTTPServerConfiguration(host: configuration.host, port: configuration.port)
        listener.connectionLimit = configuration.maximumConnections
        let server = HTTPServer(
            configuration: listener,
            routes: routes.router().buildResponder(), fastLane: GatewayLane(upstreams: upstreams, inference: lane),
            webSockets: [ClusterStream.route(documents: documents, access: access)], group: group, logger: logger)
        draining.follow(server)
        do {
            // Before anything else starts: a port in use is the commonest reason not to.
            try await server.bind()
            var services: [any Service] = []
            if let connection { services.append(connection) }
            if let queue { services.append(queue) }
            if let connection {
                let deadLetters = DeadLetterMetrics(registry: metrics)
                services.append(DeadLetterForwarder(connection: connection, metrics: deadLetters, logger: logger))
            }
            if let tokenFile { services.append(tokenFile) }
            if let cluster { services.append(cluster.monitor) }
            // Workers that announce themselves need not be found.
            if let cluster, configuration.healthMode != .nats || connection == nil { services.append(cluster.workers) }
            if configuration.watchesSeeds {
                let schedule = SeedWatcher.Schedule(
                    for: seeds, forcesPolling: configuration.watchesSeedsByContents)
                services.append(
                    SeedWatcher(directories: seeds, schedule: schedule, logger: logger) { mirror.replaceSeeds($0) })
            }
            services += [mirror, fleet, pools, forwarder, server, DemandUpkeep(lane: lane)]
            // Shut down from the last to the first: the listener goes before what its open requests still need.
            try await ServiceGroup(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
            ).run()
        } catch {
            try? await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private var laneConfiguration: InferenceLane.Configuration {
        var lane = InferenceLane.Configuration()
        lane.configuredMachineProfiles = configuration.configuredMachineProfiles
        lane.requestTimeoutSeconds = configuration.requestTimeoutSeconds
        lane.defaultWait = .nanoseconds(Int64(configuration.defaultWaitSeconds * 1e9))
        lane.maximumWait = .nanoseconds(Int64(configuration.maximumWaitSeconds * 1e9))
        lane.maximumItems = max(1, configuration.maximumStreamPending)
        return lane
    }

    private func payloadStore() throws -> any PayloadStore {
        let location = configuration.payloadStoreURL
        return try BucketPayloadStore(location, environment: environment)
            ?? DirectoryPayloadStore(directory: location)
    }

    private func fleetSource(
        _ connection: NATSConnection?, discovered: AsyncStream<Set<String>>?
    ) -> FleetMonitor.Source {
        if configuration.healthMode == .nats, let connection { return .nats(connection) }
        return .webSocket(urls: configuration.workerURLs, discovered: discovered)
    }

    /// What is done through the API server; nil where the gateway was not told to.
    private func kubernetes(
        logger: Logger
    ) throws -> (workers: WorkerDiscovery, pools: SharedPools, monitor: APIServerMonitor)? {
        let settings = configuration.kubernetes
        guard settings.isEnabled else { return nil }
        let client = try KubernetesAccess.client(logger: logger)
        let workers = WorkerDiscovery(
            client: client, namespace: settings.namespace, service: settings.service, port: settings.workerPort,
            logger: logger)
        let pools = SharedPools(
            client: client, namespace: settings.namespace, holder: UUID().uuidString.lowercased(), logger: logger)
        // A watch on a dead connection would look like a cluster in which nothing happens.
        return (workers, pools, APIServerMonitor(client, logger: logger))
    }

    private func connect(on eventLoop: any EventLoop, logger: Logger) throws -> NATSConnection? {
        guard let url = configuration.natsURL else { return nil }
        var nats = try NATSConfiguration(servers: [url], name: "sie-gateway")
        // A request whose work cannot be sent now is told so now.
        nats.whileDisconnected = .fail
        // Room for a few of the largest bodies; beyond that requests are refused instead of held.
        nats.pendingBufferLimitBytes = 512 << 20
        return NATSConnection(configuration: nats, eventLoop: eventLoop, logger: logger)
    }
}

/// Whether the server is shutting down, for routes that exist before the server does.
private final class DrainingFlag: Sendable {
    private let server = Mutex<HTTPServer?>(nil)

    var isSet: Bool { server.withLock { $0?.isDraining ?? false } }

    func follow(_ server: HTTPServer) { self.server.withLock { $0 = server } }
}

/// Successful inference requests per second, for whoever looks.
private final class Throughput: Sendable {
    private let metrics: InferenceMetrics
    private let rate = Mutex(RequestRate())

    init(metrics: InferenceMetrics) { self.metrics = metrics }

    var perSecond: Double {
        let total = metrics.requests.all.reduce(UInt64(0)) { $1.values[1] == "200" ? $0 + $1.instrument.value : $0 }
        let now = Double(NIODeadline.now().uptimeNanoseconds) / 1e9
        return rate.withLock { $0.look(total: total, now: now) }
    }
}

/// Ends demand that nobody renewed, and, when the gateway shuts down, the waiting for capacity. Shut down before the
/// listener, which waits for open requests.
private struct DemandUpkeep: Service {
    let lane: InferenceLane

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(5))) != nil { lane.expireDemand() }
        }
        lane.drain()
    }
}
