import JSONStream
import Kubernetes
import Operator

/// Bundles and what there is of them, for tests of the pure parts: a server of objects in a few lines, with field managers
/// as a real one has them, as far as plans look at them.
struct BundleWorld {
    static let now = Timestamp(secondsSince1970: 1_790_000_000)
    static let installation = Installation(natsURL: "nats://nats:4222")

    var observed = BundleObservation(served: Set(BundleObject.allCases))

    /// A bundle of one group, as a server gives it.
    static func bundle(
        _ change: JSONValue = [:], name: String = "default", uid: String = "u", annotations: JSONValue = [:],
        created: String = "2026-01-01T00:00:00Z", deleted: String? = nil, status: JSONValue? = nil
    ) throws -> SIEBundle {
        let spec: JSONValue = [
            "adapters": ["acme.enc"], "image": ["repository": "r.example/sie", "tag": "1.0"],
            "workerGroups": [["machineProfile": "l4", "minReplicas": 1, "maxReplicas": 3]],
        ]
        var metadata: JSONValue = [
            "name": .string(name), "namespace": "n", "uid": .string(uid), "generation": 1,
            "creationTimestamp": .string(created), "annotations": annotations,
            "finalizers": [.string(SIEBundle.finalizer)],
        ]
        if let deleted {
            metadata = MergePatch.apply(["deletionTimestamp": .string(deleted)], to: metadata)
        }
        return try JSONValue.object([
            JSONMember("metadata", metadata), JSONMember("spec", MergePatch.apply(change, to: spec)),
            JSONMember("status", status ?? ["observedGeneration": -1]),
        ]).decode()
    }

    static func objects(_ bundle: SIEBundle) throws -> WorkerObjects {
        guard let objects = WorkerObjects(bundle, installation: installation) else {
            throw Unreadable()
        }
        return objects
    }

    private struct Unreadable: Error {}

    /// The config service tells what the bundle says.
    mutating func advertise(_ bundle: SIEBundle) {
        let spec = bundle.spec.value
        observed.advertisement = .answered(
            AdvertisedBundle(
                name: bundle.bundleName ?? "", priority: spec?.priority, adapters: Set(spec?.adapters ?? [])))
    }

    /// Plans, acts, and plans again, until nothing is left to do.
    ///
    /// - Returns: the plans with something to do, and the last one.
    mutating func converge(_ bundle: SIEBundle, isDefault: Bool = false) throws -> (
        rounds: [[BundleAction]], last: BundlePlan?
    ) {
        var rounds: [[BundleAction]] = []
        for _ in 0..<8 {
            let plan = BundlePlan(
                bundle, isDefault: isDefault, objects: try Self.objects(bundle), observed: observed, now: Self.now)
            guard let plan, !plan.actions.isEmpty else { return (rounds, plan) }
            rounds.append(plan.actions)
            for action in plan.actions { perform(action) }
        }
        return (rounds, nil)
    }

    // MARK: A server

    mutating func perform(_ action: BundleAction) {
        switch action {
        case .publish(let document, let manager):
            observed.configMap = Self.apply(document, manager, to: observed.configMap)
        case .withdraw(let document, let manager):
            observed.configMap = Self.apply(document, manager, to: observed.configMap)
        case .apply(let kind, let name, let document, _):
            observed.objects[kind, default: [:]][name] = Self.apply(document, "sie-operator", to: observed[kind, name])
        case .handOverReplicas(let name, let number):
            let document: JSONValue = ["metadata": ["name": .string(name)], "spec": ["replicas": .int(Int64(number))]]
            observed.objects[.statefulSet, default: [:]][name] = Self.apply(
                document, BundleAction.creationManager, to: observed[.statefulSet, name])
        case .scale(let name, let number):
            merge(.statefulSet, name, ["spec": ["replicas": .int(Int64(number))]])
        case .pause(let name):
            merge(.scaledObject, name, ["metadata": ["annotations": [ScaledObject.pausedAnnotation: "true"]]])
        case .disown(let kind, let name, let patch): merge(kind, name, patch)
        case .delete(let kind, let name, _, _): observed.objects[kind]?[name] = nil
        }
    }

    mutating func merge(_ kind: BundleObject, _ name: String, _ patch: JSONValue) {
        guard let live = observed[kind, name] else { return }
        observed.objects[kind]?[name] = MergePatch.apply(patch, to: live)
    }

    /// Server-side apply, by force: fields that only this manager had and now leaves out are removed; replicas become 1.
    private static func apply(_ document: JSONValue, _ manager: String, to live: JSONValue?) -> JSONValue {
        var entries = (live?["metadata"]?["managedFields"]?.arrayValue ?? []).filter {
            $0["manager"]?.stringValue != manager
        }
        let before = live.map { ManagedFields(of: $0) }
        var result = live ?? ["metadata": ["uid": "uid-of-it"]]
        let paths = [["spec", "replicas"]] + (live?["data"]?.objectValue ?? []).map { ["data", $0.key] }
        for path in paths {
            let isWanted = document[path[0]]?[path[1]] != nil
            let owners = Set(before?.managers(of: path) ?? [])
            if !isWanted, owners == [manager] {
                result = MergePatch.apply(
                    .object([JSONMember(path[0], .object([JSONMember(path[1], .null)]))]), to: result)
            }
        }
        result = MergePatch.apply(document, to: result)
        if result["spec"]?["template"] != nil, result["spec"]?["replicas"] == nil {
            result = MergePatch.apply(["spec": ["replicas": 1]], to: result)
        }
        entries.append(
            ["manager": .string(manager), "operation": "Apply", "fieldsV1": fields(document)])
        return MergePatch.apply(["metadata": ["managedFields": .array(entries)]], to: result)
    }

    private static func fields(_ value: JSONValue) -> JSONValue {
        .object((value.objectValue ?? []).map { JSONMember("f:\($0.key)", fields($0.value)) })
    }
}
