import Kubernetes

/// The kinds of objects that a bundle owns.
package enum BundleObject: String, CaseIterable, Sendable, Hashable {
    case service = "Service"
    case statefulSet = "StatefulSet"
    case scaledObject = "ScaledObject"
    case disruptionBudget = "PodDisruptionBudget"
    case daemonSet = "DaemonSet"

    /// Where the API server may have them, best first.
    package var places: [ResourceType] {
        switch self {
        case .service: [ResourceType(version: "v1", plural: "services", kind: rawValue)]
        case .statefulSet: [ResourceType(group: "apps", version: "v1", plural: "statefulsets", kind: rawValue)]
        case .scaledObject: [ScaledObject.resourceType]
        case .disruptionBudget:
            // v1 from 1.21 on.
            ["v1", "v1beta1"].map {
                ResourceType(group: "policy", version: $0, plural: "poddisruptionbudgets", kind: rawValue)
            }
        case .daemonSet: [ResourceType(group: "apps", version: "v1", plural: "daemonsets", kind: rawValue)]
        }
    }
}
