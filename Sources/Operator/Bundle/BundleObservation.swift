import JSONStream
import Kubernetes

/// What there is of a bundle, as one look has found it.
package struct BundleObservation: Sendable {
    /// The ConfigMap with the definitions of all bundles; nil where there is none.
    package var configMap: JSONValue?
    /// What the config service says of this bundle.
    package var advertisement: BundleAdvertisement
    /// The bundle's objects by kind and name, and those that have a name of the bundle's and another owner.
    package var objects: [BundleObject: [String: JSONValue]]
    /// The kinds that the API server has.
    package var served: Set<BundleObject>
    /// The pods of workers, which are asked for only where something is missing.
    package var pods: [WorkerPodState]
    /// Adapters of the published definition without which a registered model has no route.
    package var adaptersInUse: [String: [String]]
    /// Items that wait for the bundle's workers, as gateways tell; nil where they do not.
    package var queuedItems: Int?

    package init(
        configMap: JSONValue? = nil, advertisement: BundleAdvertisement = .unavailable("it was not asked"),
        objects: [BundleObject: [String: JSONValue]] = [:], served: Set<BundleObject> = [], pods: [WorkerPodState] = [],
        adaptersInUse: [String: [String]] = [:], queuedItems: Int? = nil
    ) {
        self.configMap = configMap
        self.advertisement = advertisement
        self.objects = objects
        self.served = served
        self.pods = pods
        self.adaptersInUse = adaptersInUse
        self.queuedItems = queuedItems
    }

    package subscript(kind: BundleObject, name: String) -> JSONValue? { objects[kind]?[name] }

    /// The texts of all files, by name.
    package var files: [String: String] {
        Dictionary(
            (configMap?["data"]?.objectValue ?? []).compactMap { member in
                member.value.stringValue.map { (member.key, $0) }
            }
        ) { $1 }
    }

    /// The workers of a group.
    package func workers(_ name: String) -> WorkerSetState? { self[.statefulSet, name].map { WorkerSetState($0) } }
}

/// How far a StatefulSet is.
package struct WorkerSetState: Sendable, Hashable {
    /// How many there shall be; the server says 1 where nobody does.
    package var wanted: Int
    package var replicas: Int
    package var ready: Int
    package var updated: Int
    /// What pods are made after now; they bear it in a label.
    package var updateRevision: String?
    package var isRollingOut: Bool

    package init(_ object: JSONValue) {
        let status = object["status"]
        wanted = object["spec"]?["replicas"]?.intValue ?? 1
        replicas = status?["replicas"]?.intValue ?? 0
        ready = status?["readyReplicas"]?.intValue ?? 0
        updated = status?["updatedReplicas"]?.intValue ?? 0
        updateRevision = status?["updateRevision"]?.stringValue
        let current = status?["currentRevision"]?.stringValue
        isRollingOut = updateRevision != nil && current != nil && current != updateRevision && replicas > 0
    }
}

/// How far a ScaledObject is, as KEDA tells.
package struct ScaledObjectState: Sendable, Hashable {
    /// Nil where KEDA has not said yet.
    package var isReady: Bool?
    package var isActive: Bool?
    package var isFallback: Bool?
    package var message: String?
    package var isPaused: Bool

    package init(_ object: JSONValue) {
        let conditions = object["status"]?["conditions"]?.arrayValue ?? []
        func condition(_ type: String) -> JSONValue? { conditions.last { $0["type"]?.stringValue == type } }
        func state(_ type: String) -> Bool? {
            switch condition(type)?["status"]?.stringValue {
            case "True": true
            case "False": false
            default: nil
            }
        }
        isReady = state("Ready")
        isActive = state("Active")
        isFallback = state("Fallback")
        message = condition("Ready")?["message"]?.stringValue
        isPaused = object["metadata"]?["annotations"]?[ScaledObject.pausedAnnotation]?.stringValue == "true"
    }
}
