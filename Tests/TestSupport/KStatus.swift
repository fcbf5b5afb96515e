import JSONStream

/// What kstatus makes of a custom resource, rule by rule as in `sigs.k8s.io/cli-utils/pkg/kstatus`: what Flux, `kpt` and
/// `kubectl wait`-like tools take for the state of an object.
package enum KStatus: String, Sendable, Codable {
    case inProgress = "InProgress"
    case failed = "Failed"
    case current = "Current"
    case terminating = "Terminating"

    /// The state of an object. One without generation, conditions or anything else that could be waited for is current.
    package init(of object: JSONValue) {
        self = Self.generic(object) ?? Self.ready(object) ?? .current
    }

    private static func generic(_ object: JSONValue) -> KStatus? {
        if let time = object["metadata"]?["deletionTimestamp"], !time.isNull { return .terminating }
        if let observed = object["status"]?["observedGeneration"]?.intValue,
            observed != object["metadata"]?["generation"]?.intValue
        {
            return .inProgress
        }
        // The first of the two that is true counts.
        for condition in conditions(object) where condition["status"] == "True" {
            if condition["type"] == "Reconciling" { return .inProgress }
            if condition["type"] == "Stalled" { return .failed }
        }
        return nil
    }

    private static func ready(_ object: JSONValue) -> KStatus? {
        guard let condition = conditions(object).first(where: { $0["type"] == "Ready" }) else { return nil }
        return condition["status"] == "True" ? .current : .inProgress
    }

    private static func conditions(_ object: JSONValue) -> [JSONValue] {
        object["status"]?["conditions"]?.arrayValue ?? []
    }
}
