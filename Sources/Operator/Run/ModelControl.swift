import Kubernetes
import Logging
import Observability
import ServiceLifecycle

/// Everything that looks after SIEModels, put together: what reads, in every process, and what writes, in the one that
/// leads.
struct ModelControl: Sendable {
    /// How long work may take before the process counts as hung.
    private static let longestWork = Duration.seconds(300)

    /// Every model that there is.
    let known: KnownModels
    private let controller: Controller
    private let monitor: ConfigMonitorService

    /// - Parameters:
    ///   - fleet: the gateway's replicas; run by somebody else, as they and the bundles are everybody's.
    ///   - prober: asks them.
    ///   - memory: keeps what they answer.
    init(
        _ configuration: OperatorConfiguration, client: KubernetesClient, config: ConfigServiceClient,
        fleet: GatewayFleet, prober: GatewayProber, memory: ProbeMemory, bundles: KnownObjects<SIEBundle>,
        events: EventRecorder,
        metrics: OperatorMetrics, logger: Logger
    ) {
        let link = ControllerLink()
        let checks = FleetChecks()
        let known = KnownModels(
            client, namespace: configuration.watchNamespace, metrics: metrics, logger: logger
        ) { change in
            if case .deleted(let model, _) = change.event, change.affected.count == 1,
                let id = model.spec.value?.modelID
            {
                memory.forget(modelID: id)
            }
            guard ResourceChange.matters(change.event) else { return }
            checks.overrule(change.affected)
            link.add(change.affected, priority: change.isInitial ? .low : .normal)
        }
        self.known = known
        fleet.listen {
            // One that was away may have forgotten everything.
            memory.keep(replicas: Set(fleet.replicas.filter(\.isReady).map(\.id)))
            let keys = known.keys
            checks.add(keys)
            link.addAll(keys, within: .zero)
        }
        let reconciler = ModelReconciler(
            .init(
                client: client, config: config, fleet: fleet, prober: prober, events: events,
                finalizerTimeouts: metrics.finalizerTimeouts,
                finalizerSeconds: Int64(configuration.finalizerSeconds), find: { known[$0] },
                namesakes: { known.namesakes(of: $0) },
                awaitsBundles: { $0.awaitsBundle(among: bundles.all) }, fleetChecks: checks, memory: memory))
        controller = Controller(
            name: "siemodel", metrics: metrics.controllers, logger: logger
        ) { key, logger in try await reconciler.reconcile(key, logger) }
        link.connect(controller)
        monitor = ConfigMonitorService(config, epoch: metrics.configEpoch, logger: logger) { _ in
            let keys = known.keys
            checks.overrule(keys)
            link.addAll(keys, within: .seconds(ConfigMonitor.spreadSeconds))
        }
    }

    /// What every process runs.
    var readers: [any Service] { [known] }
    /// What the one that leads runs.
    var writers: [any Service] { [monitor, controller] }

    var isReady: Bool { known.isSynced }
    var isHealthy: Bool { controller.longestWork < Self.longestWork }
}
