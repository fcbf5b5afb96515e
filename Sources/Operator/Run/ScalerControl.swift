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

    /// - Parameters:
    ///   - feed: takes what is gathered.
    ///   - fleet: the gateway's replicas; run by somebody else, as they, the pools and the bundles are everybody's.
    /// - Throws: where the scaler's certificate cannot be read.
    init(
        _ configuration: OperatorConfiguration, _ feed: DemandFeed, curl: CurlClient, token: BearerToken,
        fleet: GatewayFleet, pools: KnownObjects<SIEPool>, bundles: KnownObjects<SIEBundle>,
        metrics: OperatorMetrics, group: any EventLoopGroup, logger: Logger
    ) throws {
        scraper = DemandScraper(
            feed, fleet: { fleet.replicas },
            pools: { PoolDemand(pools.all, defaultBundle: SIEBundle.defaultBundle(among: bundles.all)) }, curl: curl,
            token: token, demand: metrics.scalerDemand, logger: logger)
        server = ScalerServer(
            host: configuration.scaler.host, port: configuration.scaler.port, feed: feed,
            tls: try configuration.scalerTLS.map { try ScalerTLS($0, logger: logger) },
            streams: metrics.scalerStreams, group: group, logger: logger)
    }

    func bind() async throws { try await server.bind() }

    /// What every process runs; the last to start is the first to stop.
    var services: [any Service] { [scraper, server] }
}
