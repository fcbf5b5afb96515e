import JSONStream
import Kubernetes

/// What keeps a worker's pod from working, if anything does.
package struct WorkerPodState: Sendable, Hashable {
    package enum Trouble: Sendable, Hashable {
        /// No node has room for it.
        case unschedulable(String)
        /// The image cannot be had.
        case imagePullFailed(String)
        /// It ends again and again.
        case crashLoop(String)
    }

    /// After how long a pod that no node takes is in trouble: nodes may have to be made first.
    package static let longestPending: Int64 = 600

    package var name: String
    package var machineProfile: String?
    /// What the pod was made after.
    package var revision: String?
    package var created: Timestamp?
    package var trouble: Trouble?

    package init(
        name: String, machineProfile: String? = nil, revision: String? = nil, created: Timestamp? = nil,
        trouble: Trouble? = nil
    ) {
        self.name = name
        self.machineProfile = machineProfile
        self.revision = revision
        self.created = created
        self.trouble = trouble
    }

    /// The number in the pod's name; nil for a pod of no StatefulSet.
    package var ordinal: Int? { name.split(separator: "-").last.flatMap { Int($0) } }

    /// - Parameter pod: a `v1 Pod`.
    package init(_ pod: JSONValue, now: Timestamp) {
        let metadata = try? (pod["metadata"] ?? .object([])).decode(ObjectMeta.self)
        self.init(
            name: metadata?.name ?? "", machineProfile: metadata?.labels["sie.superlinked.com/machine-profile"],
            revision: metadata?.labels["controller-revision-hash"], created: metadata?.creationTimestamp)
        let age = created.map { now.secondsSince1970 - $0.secondsSince1970 } ?? 0
        trouble = Self.containerTrouble(pod["status"]) ?? Self.schedulingTrouble(pod["status"], age: age)
    }

    private static func containerTrouble(_ status: JSONValue?) -> Trouble? {
        let statuses =
            (status?["initContainerStatuses"]?.arrayValue ?? []) + (status?["containerStatuses"]?.arrayValue ?? [])
        for container in statuses {
            guard let waiting = container["state"]?["waiting"], let reason = waiting["reason"]?.stringValue else {
                continue
            }
            switch reason {
            case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
                return .imagePullFailed("\(container["image"]?.stringValue ?? "the image"): \(reason)")
            case "CrashLoopBackOff":
                let last = container["lastState"]?["terminated"]
                let code = last?["exitCode"]?.intValue.map { ", exit code \($0)" } ?? ""
                let restarts = container["restartCount"]?.intValue.map { " after \($0) restarts" } ?? ""
                return .crashLoop("\(last?["reason"]?.stringValue ?? reason)\(restarts)\(code)")
            default: continue
            }
        }
        return nil
    }

    private static func schedulingTrouble(_ status: JSONValue?, age: Int64) -> Trouble? {
        guard status?["phase"]?.stringValue == "Pending", age > longestPending,
            let condition = status?["conditions"]?.arrayValue?.first(where: {
                $0["type"]?.stringValue == "PodScheduled" && $0["status"]?.stringValue == "False"
            })
        else { return nil }
        return .unschedulable(condition["message"]?.stringValue ?? "no node takes the pod")
    }
}
