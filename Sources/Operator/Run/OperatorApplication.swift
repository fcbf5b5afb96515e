import CurlClient
import FoundationEssentials
import HTTPService
import Hummingbird
import Kubernetes
import Logging
import NIOPosix
import Observability
import ServiceLifecycle
import UnixSignals
import Wire

/// Puts the operator together, runs it, and takes it apart in the reverse order.
package struct OperatorApplication: Sendable {
    private let configuration: OperatorConfiguration
    private let logger: Logger

    package init(_ configuration: OperatorConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: where no cluster can be found, an address cannot be listened on, or the leadership is lost.
    package func run() async throws {
        let cluster = try ClusterConfiguration.load(
            kubeconfig: configuration.kubeconfig, environment: ProcessInfo.processInfo.environment)
        logger.info("using Kubernetes", metadata: ["server": "\(cluster)"])
        let metrics = OperatorMetrics()
        let client = client(cluster, try CurlClient(), metrics)
        // Short requests on a thread of their own: beside the API server's watches, libcurl would look at each of them for
        // every step of every request.
        let curl = try CurlClient()
        let namespace = configuration.namespace ?? cluster.namespace

        let events = EventRecorder(
            client, controller: "\(SIEGroup.name)/operator", instance: configuration.podName,
            metrics: EventMetrics(registry: metrics.registry), logger: logger)
        let token = BearerToken(file: configuration.tokenFile)
        let config = configService(curl, token, metrics)
        // What several of the following work with.
        let fleet = GatewayFleet(
            client, namespace: namespace, service: configuration.gatewayService,
            onRestart: { metrics.countRestart($0) }, logger: logger)
        let prober = GatewayProber(curl, token: token, durations: metrics.probeSeconds)
        let memory = ProbeMemory()
        metrics.show(fleet, memory)
        let knownBundles = KnownObjects<SIEBundle>(
            client, namespace: configuration.watchNamespace, metrics: metrics, logger: logger)
        let knownPools = KnownObjects<SIEPool>(
            client, namespace: configuration.watchNamespace, metrics: metrics, logger: logger)

        let models = ModelControl(
            configuration, client: client, config: config, fleet: fleet, prober: prober, memory: memory,
            bundles: knownBundles, events: events, metrics: metrics, logger: logger)
        let pools = PoolControl(
            configuration, client: client, fleet: fleet, prober: prober, pools: knownPools, bundles: knownBundles,
            events: events, metrics: metrics, logger: logger)
        let demand = DemandFeed()
        var installation = configuration.installation
        // KEDA is in another namespace.
        installation.scalerAddress = configuration.scalerAddress ?? "sie-operator-scaler.\(namespace).svc:9090"
        let bundles = BundleControl(
            configuration, installation, known: knownBundles, client: client, config: config, models: models.known,
            events: events, metrics: metrics, logger: logger, queuedItems: { demand.queuedItems(ofBundle: $0) })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let scaler = try ScalerControl(
            configuration, demand, curl: curl, token: token, fleet: fleet, pools: knownPools, bundles: knownBundles,
            metrics: metrics, group: group, logger: logger)
        ConditionMetrics(
            models: { models.known.all }, pools: { knownPools.all }, bundles: { knownBundles.all }
        ).register(in: metrics.registry)
        let deadline = StartDeadline(
            [
                .init("gateway replicas") { fleet.isSynced }, .init("SIEBundles") { knownBundles.isSynced },
                .init("SIEPools") { knownPools.isSynced }, .init("SIEModels") { models.isReady },
                .init("ConfigMaps and Leases of pools") { pools.isReady },
                .init("StatefulSets of bundles") { bundles.isReady },
            ], within: configuration.startLimit, logger: logger)
        let servers = [
            server(configuration.metrics, ProbeRoutes.metrics(metrics.registry), group),
            server(
                configuration.probes,
                ProbeRoutes.probes(
                    isHealthy: { models.isHealthy && pools.isHealthy && bundles.isHealthy },
                    isReady: { deadline.isMet }), group),
        ]
        for server in servers { try await server.bind() }
        try await scaler.bind()

        let work: @Sendable () async throws -> Void = {
            await deadline.wait()
            // When all have ended, what is left to be told is told.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for service in models.writers + pools.writers + bundles.writers {
                    group.addTask { try await service.run() }
                }
                try await group.waitForAll()
            }
            await events.flush(within: .seconds(3))
        }
        let worker: any Service =
            configuration.hasElection
            ? LeaderElector(
                client, namespace: namespace, name: configuration.electionID,
                identity: "\(configuration.podName)_\(UUID().uuidString.lowercased())",
                metrics: LeaderElectionMetrics(registry: metrics.registry), logger: logger, writers: work)
            : SoleWorker(work: work)
        // The last to start is the first to stop.
        let services: [any Service] =
            servers
            + [
                monitor(client, metrics), deadline, MemoryReturn { await deadline.wait() }, events, fleet,
                knownBundles, knownPools,
            ] + models.readers
            + pools.readers + bundles.readers
            + scaler.services + [worker]
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
        try await group.shutdownGracefully()
    }

    private func client(
        _ cluster: ClusterConfiguration, _ curl: CurlClient, _ metrics: OperatorMetrics
    ) -> KubernetesClient {
        let requests = RequestMetrics(registry: metrics.registry, server: cluster.server)
        var options = KubernetesClient.Options()
        options.userAgent = "sie-operator/\(ProductVersion.current) (linux)"
        options.requestsPerSecond = configuration.apiRequestsPerSecond
        options.requestBurst = Int(configuration.apiRequestsPerSecond * 2)
        options.observer = { requests.observe($0) }
        return KubernetesClient(cluster, curl: curl, options: options)
    }

    private func monitor(_ client: KubernetesClient, _ metrics: OperatorMetrics) -> APIServerMonitor {
        var options = APIServerMonitor.Options()
        options.onSkew = { metrics.clockSkew.set($0) }
        return APIServerMonitor(client, options: options, logger: logger)
    }

    private func configService(
        _ curl: CurlClient, _ token: BearerToken, _ metrics: OperatorMetrics
    ) -> ConfigServiceClient {
        var options = ConfigServiceClient.Options()
        options.pace = WritePace(
            perSecond: configuration.configWritesPerSecond, bulkPerSecond: configuration.configBulkWritesPerSecond)
        return ConfigServiceClient(
            curl, url: configuration.configURL, token: token,
            tls: configuration.authorityFile.map { CurlTLS(authorities: .file($0)) } ?? CurlTLS(), options: options,
            requests: metrics.configRequests)
    }

    private func server(
        _ address: OperatorConfiguration.Address, _ router: Router<BasicRequestContext>,
        _ group: MultiThreadedEventLoopGroup
    ) -> HTTPServer {
        HTTPServer(
            configuration: HTTPServerConfiguration(host: address.host, port: address.port),
            routes: router.buildResponder(), group: group, logger: logger)
    }
}

/// Works without an election.
private struct SoleWorker: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws { try await work() }
}
