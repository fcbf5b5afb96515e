import CurlClient
import Kubernetes
import Logging
import NIOCore
import ServiceLifecycle

/// Everything that tells KEDA of the demand, put together. Every process serves it from what it has gathered itself, whether
/// it leads or not: nobody waits for an election to be woken up.
struct ScalerControl: Sendable {
    private let server: ScalerServer
    private let scraper: DemandScraper
    private let pools: Informer<SIEPool>

    /// - Parameters:
    ///   - feed: takes what is gathered.
    ///   - bundles: all that are known.
    init(
        _ configuration: OperatorConfiguration, _ feed: DemandFeed, client: KubernetesClient, curl: CurlClient,
        token: BearerToken,
        fleet: GatewayFleet, bundles: KnownObjects<SIEBundle>, metrics: OperatorMetrics,
        group: any EventLoopGroup, logger: Logger
    ) {
        var informing = Informer<SIEPool>.Options()
        informing.onRestart = { metrics.countRestart($0) }
        let known = KnownObjects<SIEPool>()
        pools = Informer(
            client.resources(SIEPool.self, in: configuration.watchNamespace), options: informing, logger: logger
        ) { event in known.apply(event) }
        scraper = DemandScraper(
            feed, fleet: { fleet.replicas },
            pools: { PoolDemand(known.all, defaultBundle: SIEBundle.defaultBundle(among: bundles.all)) }, curl: curl,
            token: token, demand: metrics.scalerDemand, logger: logger)
        server = ScalerServer(
            host: configuration.scaler.host, port: configuration.scaler.port, feed: feed,
            streams: metrics.scalerStreams, group: group, logger: logger)
    }

    func bind() async throws { try await server.bind() }

    /// What every process runs; the last to start is the first to stop.
    var services: [any Service] { [pools, scraper, server] }

    var isReady: Bool { pools.isSynced }
}
