import CurlClient
import Kubernetes
import Logging
import Observability
import ServiceLifecycle

/// Everything that looks after SIEModels, put together: what reads, in every process, and what writes, in the one that
/// leads.
struct ModelControl: Sendable {
    /// How long work may take before the process counts as hung.
    private static let longestWork = Duration.seconds(300)

    /// Asks the config service, for all kinds.
    let config: ConfigServiceClient
    /// Every model that there is.
    let known: KnownModels
    /// The replicas of the gateway.
    let fleet: GatewayFleet
    /// Who may ask them.
    let token: BearerToken
    private let controller: Controller
    private let informer: Informer<SIEModel>
    private let monitor: ConfigMonitorService

    init(
        _ configuration: OperatorConfiguration, namespace: String, client: KubernetesClient, curl: CurlClient,
        bundles: KnownObjects<SIEBundle>, events: EventRecorder, metrics: OperatorMetrics, logger: Logger
    ) {
        let token = BearerToken(file: configuration.tokenFile)
        self.token = token
        var options = ConfigServiceClient.Options()
        options.writesPerSecond = configuration.configWritesPerSecond
        options.writeBurst = max(10, Int(min(configuration.configWritesPerSecond, 1000)))
        let config = ConfigServiceClient(
            curl, url: configuration.configURL, token: token,
            tls: configuration.authorityFile.map { CurlTLS(authorities: .file($0)) } ?? CurlTLS(), options: options,
            requests: metrics.configRequests)
        self.config = config

        let known = KnownModels()
        self.known = known
        let link = ControllerLink()
        let fleet = GatewayFleet(
            client, namespace: namespace, service: configuration.gatewayService, logger: logger)
        fleet.listen { link.addAll(known.keys, within: .zero) }
        self.fleet = fleet
        let reconciler = ModelReconciler(
            .init(
                client: client, config: config, fleet: fleet,
                prober: GatewayProber(curl, token: token, durations: metrics.probeSeconds), events: events,
                find: { known[$0] }, namesakes: { known.namesakes(of: $0) },
                awaitsBundles: { $0.awaitsBundle(among: bundles.all) }))
        controller = Controller(
            name: "siemodel", metrics: ControllerMetrics(registry: metrics.registry), logger: logger
        ) { key, logger in try await reconciler.reconcile(key, logger) }
        link.connect(controller)
        monitor = ConfigMonitorService(config, epoch: metrics.configEpoch, logger: logger) { _ in
            link.addAll(known.keys, within: .seconds(ConfigMonitor.spreadSeconds))
        }

        var informing = Informer<SIEModel>.Options()
        informing.streamsInitialList = true
        informing.onRestart = { metrics.countRestart($0) }
        informer = Informer(
            client.resources(SIEModel.self, in: configuration.watchNamespace), options: informing, logger: logger
        ) { event in
            let keys = known.apply(event)
            guard ResourceChange.matters(event) else { return }
            link.add(keys, priority: known.isSynced ? .normal : .low)
        }
    }

    /// What every process runs.
    var readers: [any Service] { [informer, fleet] }
    /// What the one that leads runs.
    var writers: [any Service] { [monitor, controller] }

    var isReady: Bool { informer.isSynced && fleet.isSynced }
    var isHealthy: Bool { controller.longestWork < Self.longestWork }
}
