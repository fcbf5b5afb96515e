import FoundationEssentials
import JSONStream
import Kubernetes
import YAML

/// Looks at everything that there is of a bundle. It reads the API server and the config service, and writes nothing.
struct BundleObserver: Sendable {
    private let client: KubernetesClient
    private let config: ConfigServiceClient
    private let demand: @Sendable (_ bundle: String) -> Int?

    /// - Parameter demand: how many items wait for a bundle's workers; nil where nobody tells.
    init(_ client: KubernetesClient, _ config: ConfigServiceClient, demand: @escaping @Sendable (String) -> Int?) {
        self.client = client
        self.config = config
        self.demand = demand
    }

    /// Where the API server has the kinds; it may come to have KEDA's at any time.
    func places() async throws(KubernetesError) -> [BundleObject: ResourceType] {
        var places: [BundleObject: ResourceType] = [:]
        for kind in BundleObject.allCases { places[kind] = try await client.discovery.firstServed(of: kind.places) }
        return places
    }

    /// One look.
    ///
    /// - Parameter asksForPods: whether to look at single pods, too.
    func look(
        at bundle: SIEBundle, _ objects: WorkerObjects, in places: [BundleObject: ResourceType], asksForPods: Bool,
        now: Timestamp
    ) async throws(KubernetesError) -> BundleObservation {
        let namespace = bundle.metadata.namespace
        var observed = BundleObservation(served: Set(places.keys))
        let maps = client.resources(Unstructured.self, at: ConfigMap.resourceType, in: namespace)
        observed.configMap = try await maps.find(objects.names.configMap)?.document
        observed.advertisement = await config.bundle(bundle.bundleName ?? "")
        observed.queuedItems = bundle.bundleName.flatMap(demand)
        let selection = BundleLabels.selection(object: bundle.metadata.name ?? "")
        let wanted = expectedNames(bundle, objects)
        for (kind, place) in places {
            let resources = client.resources(Unstructured.self, at: place, in: namespace)
            var found: [String: JSONValue] = [:]
            for item in try await resources.listAll(selection).items {
                found[item.metadata.name ?? ""] = item.document
            }
            // An object of our name may be somebody else's, without our label.
            for name in wanted[kind] ?? [] where found[name] == nil {
                found[name] = try await resources.find(name)?.document
            }
            observed.objects[kind] = found
        }
        if asksForPods {
            let pods = client.resources(
                Unstructured.self, at: ResourceType(version: "v1", plural: "pods", kind: "Pod"), in: namespace)
            observed.pods = try await pods.listAll(selection).items.map { WorkerPodState($0.document, now: now) }
        }
        return observed
    }

    private func expectedNames(_ bundle: SIEBundle, _ objects: WorkerObjects) -> [BundleObject: [String]] {
        let groups = bundle.spec.value?.workerGroups ?? []
        if groups.isEmpty { return [:] }
        return [
            .service: [objects.service.name],
            .statefulSet: groups.map { objects.names.statefulSet($0.machineProfile) },
            .scaledObject: groups.compactMap { objects.scaledObject($0)?.name },
            .disruptionBudget: groups.compactMap { objects.disruptionBudget($0)?.name },
            .daemonSet: groups.compactMap { objects.prepull($0)?.name },
        ]
    }
}
