import Kubernetes
import Logging
import ServiceLifecycle

/// Everything that looks after SIEBundles, put together: what reads, in every process, and what writes, in the one that
/// leads.
struct BundleControl: Sendable {
    private static let longestWork = Duration.seconds(300)
    /// Bundles that are worked on at the same time.
    private static let workers = 2

    private let controller: Controller
    private let statefulSets: Informer<Unstructured>
    private let scaledObjects: ScaledObjectWatch

    /// - Parameters:
    ///   - known: the bundles that there are; run by somebody else, as they are everybody's.
    ///   - models: all that are known.
    ///   - queuedItems: how many items wait for a bundle's workers; nil where nobody tells.
    init(
        _ configuration: OperatorConfiguration, _ installation: Installation, known: KnownObjects<SIEBundle>,
        client: KubernetesClient, config: ConfigServiceClient, models: KnownModels, events: EventRecorder,
        metrics: OperatorMetrics, logger: Logger,
        queuedItems: @escaping @Sendable (String) -> Int?
    ) {
        let link = ControllerLink()
        known.listen { event in
            guard ResourceChange.matters(event) else { return }
            // Few, and each may be another one's duplicate, default or last resort.
            link.add(Set(known.keys), priority: known.isSynced ? .normal : .low)
        }
        var selecting = Informer<Unstructured>.Options(
            selection: Selection(labels: "app.kubernetes.io/managed-by=\(SIEGroup.fieldManager)"))
        selecting.onRestart = { metrics.countRestart($0) }
        let place = BundleObject.statefulSet.places[0]
        statefulSets = Informer(
            client.resources(Unstructured.self, at: place, in: configuration.watchNamespace), options: selecting,
            logger: logger
        ) { event in
            guard let owner = Self.owner(of: event) else { return }
            link.add([owner], priority: .normal)
        }
        scaledObjects = ScaledObjectWatch(
            client, namespace: configuration.watchNamespace, options: selecting, logger: logger,
            onInstalled: { link.addAll(known.keys, within: .seconds(5)) }
        ) { event in
            guard let owner = Self.owner(of: event) else { return }
            link.add([owner], priority: .normal)
        }
        let reconciler = BundleReconciler(
            .init(
                client: client, config: config, events: events, installation: installation,
                finalizerTimeouts: metrics.finalizerTimeouts,
                finalizerSeconds: Int64(configuration.finalizerSeconds), find: { known[$0] }, bundles: { known.all },
                models: { models.all }, queuedItems: queuedItems,
                restart: configuration.restartedDeployment.map { ConfigServiceRestart(client, deployment: $0) }))
        var options = Controller.Options()
        options.workers = Self.workers
        controller = Controller(
            name: "siebundle", options: options, metrics: metrics.controllers, logger: logger
        ) { key, logger in try await reconciler.reconcile(key, logger) }
        link.connect(controller)
    }

    /// The bundle whose object has changed.
    private static func owner(of event: InformerEvent<Unstructured>) -> ObjectKey? {
        guard let metadata = event.object?.metadata, let controller = metadata.controller,
            controller.kind == SIEBundle.resourceType.kind
        else { return nil }
        return ObjectKey(namespace: metadata.namespace, name: controller.name)
    }

    /// What every process runs.
    var readers: [any Service] { [statefulSets, scaledObjects] }
    /// What the one that leads runs.
    var writers: [any Service] { [controller] }

    var isReady: Bool { statefulSets.isSynced }
    var isHealthy: Bool { controller.longestWork < Self.longestWork }
}
