import JSONStream
import Kubernetes

/// What a bundle's author lays over the pod template, as a strategic merge does it: objects are merged, lists of named
/// things by their names, other lists replaced, null removes.
///
/// What the operator finds its pods by, and what they may do, is not the author's to change: labels that are there,
/// the service account, and the names of containers.
package enum PodTemplateOverlay {
    /// The keys that lists of a pod are merged by.
    private static let mergeKeys: [String: String] = [
        "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name",
        "volumes": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "ports": "containerPort",
        "imagePullSecrets": "name", "hostAliases": "ip", "topologySpreadConstraints": "topologyKey",
    ]

    /// The template with the overlay, and without what an overlay may not say.
    package static func apply(_ overlay: JSONValue, to template: JSONValue) -> JSONValue {
        var result = merge(overlay, template, key: nil)
        let labels = template["metadata"]?["labels"] ?? .object([])
        result = MergePatch.apply(["metadata": ["labels": labels]], to: result)
        let account = template["spec"]?["serviceAccountName"]
        let old = template["spec"]?["serviceAccount"]
        return MergePatch.apply(
            ["spec": ["serviceAccountName": account ?? .null, "serviceAccount": old ?? .null]], to: result)
    }

    /// What an overlay says that it may not; empty for a good one.
    package static func issues(of overlay: JSONValue, over template: JSONValue) -> [String] {
        var issues: [String] = []
        let labels = template["metadata"]?["labels"]?.objectValue ?? []
        for member in overlay["metadata"]?["labels"]?.objectValue ?? []
        where labels.contains(where: { $0.key == member.key }) {
            issues.append("label \(member.key) belongs to the operator")
        }
        for field in ["serviceAccountName", "serviceAccount"] where overlay["spec"]?[field] != nil {
            issues.append("\(field) is set by serviceAccountName of the group")
        }
        if overlay["spec"]?["containers"]?.isNull == true {
            issues.append("the worker's container cannot be removed")
        }
        for container in overlay["spec"]?["containers"]?.arrayValue ?? [] {
            if container["name"]?.stringValue == nil { issues.append("a container has no name to be merged by") }
            if container["$patch"] != nil { issues.append("containers cannot be replaced or removed") }
        }
        return issues
    }

    private static func merge(_ patch: JSONValue, _ target: JSONValue?, key name: String?) -> JSONValue {
        switch (patch, target) {
        case (.object(let changes), _):
            var members = target?.objectValue ?? []
            for change in changes {
                let position = members.firstIndex { $0.key == change.key }
                if change.value.isNull {
                    if let position { members.remove(at: position) }
                } else if let position {
                    members[position].value = merge(change.value, members[position].value, key: change.key)
                } else {
                    members.append(JSONMember(change.key, merge(change.value, nil, key: change.key)))
                }
            }
            return .object(members)
        case (.array(let changes), .array(let elements)?):
            guard let key = name.flatMap({ mergeKeys[$0] }), changes.allSatisfy({ $0[key] != nil }) else {
                return patch
            }
            var result = elements
            for change in changes {
                if let position = result.firstIndex(where: { $0[key] == change[key] }) {
                    result[position] = merge(change, result[position], key: nil)
                } else {
                    result.append(merge(change, nil, key: nil))
                }
            }
            return .array(result)
        default: return patch
        }
    }
}
