import FoundationEssentials
import Kubernetes
import Logging
import Observability
import ServiceLifecycle

/// Everything that looks after SIEPools, put together: what reads, in every process, and what writes, in the one that
/// leads.
struct PoolControl: Sendable {
    /// How long work may take before the process counts as hung.
    private static let longestWork = Duration.seconds(300)
    /// Within which time pools are looked at again whose bundles have changed.
    private static let spread = Duration.seconds(2)

    private let controller: Controller
    private let configMaps: Informer<ConfigMap>
    private let leases: Informer<Lease>

    /// - Parameters:
    ///   - fleet: the gateway's replicas; run by somebody else, as they, the pools and the bundles are everybody's.
    ///   - prober: asks them.
    init(
        _ configuration: OperatorConfiguration, client: KubernetesClient, fleet: GatewayFleet, prober: GatewayProber,
        pools: KnownObjects<SIEPool>, bundles: KnownObjects<SIEBundle>, events: EventRecorder,
        metrics: OperatorMetrics, logger: Logger
    ) {
        let namespace = configuration.watchNamespace
        let link = ControllerLink()
        pools.listen { event in
            guard let key = event.object?.key, ResourceChange.matters(event) else { return }
            link.add([key], priority: pools.isSynced ? .normal : .low)
        }
        bundles.listen { event in
            // Machine profiles may have come that pools wait for.
            guard let changed = event.object, ResourceChange.matters(event) else { return }
            link.addAll(pools.keys.filter { $0.namespace == changed.metadata.namespace }, within: Self.spread)
        }
        // Whoever deletes a pool's objects or takes its Lease is answered at once.
        configMaps = Informer(
            client.resources(ConfigMap.self, in: namespace), options: Self.options(metrics, PoolObjects.selection),
            logger: logger
        ) { event in
            if let key = PoolObjectChange.pool(event) { link.add([key], priority: .normal) }
        }
        leases = Informer(
            client.resources(Lease.self, in: namespace), options: Self.options(metrics, PoolObjects.selection),
            logger: logger
        ) { event in
            if let key = PoolObjectChange.pool(event) { link.add([key], priority: .normal) }
        }
        fleet.listen { link.addAll(pools.keys, within: .zero) }

        let now: @Sendable () -> Double = { Date.now.timeIntervalSince1970 }
        let reconciler = PoolReconciler(
            .init(
                client: client, fleet: fleet, prober: prober, events: events,
                ages: PoolAges(metrics.poolRenewAge, registry: metrics.registry, now: now),
                takeovers: metrics.poolLeaseTakeovers, finalizerTimeouts: metrics.finalizerTimeouts,
                finalizerSeconds: Int64(configuration.finalizerSeconds),
                holder: "\(PoolObjects.holderPrefix)\(configuration.podName)/\(UUID().uuidString.lowercased())",
                find: { pools[$0] }, bundles: { bundles.all(in: $0) }, now: now))
        var controlling = Controller.Options()
        // A renewal must not wait behind models, nor for longer than half the shortest interval between two.
        controlling.workers = 4
        controlling.limits = WorkQueueLimits(base: .milliseconds(250), cap: .seconds(8), perSecond: 50)
        controller = Controller(
            name: "siepool", options: controlling, metrics: metrics.controllers, logger: logger
        ) { key, logger in try await reconciler.reconcile(key, logger) }
        link.connect(controller)
    }

    private static func options<Object: KubernetesObject>(
        _ metrics: OperatorMetrics, _ selection: Selection
    ) -> Informer<Object>.Options {
        var options = Informer<Object>.Options(selection: selection)
        options.streamsInitialList = true
        options.onRestart = { metrics.countRestart($0) }
        return options
    }

    /// What every process runs.
    var readers: [any Service] { [configMaps, leases] }
    /// What the one that leads runs.
    var writers: [any Service] { [controller] }

    var isReady: Bool { configMaps.isSynced && leases.isSynced }
    var isHealthy: Bool { controller.longestWork < Self.longestWork }
}
