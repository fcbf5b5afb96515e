import Kubernetes

extension SIEBundle {
    /// The longest name of a bundle: names of StatefulSets are made from it.
    package static let longestName = 40

    package func ruleIssues(_ spec: Spec, replacing old: Spec?) -> [SpecIssue] {
        var issues: [SpecIssue] = []
        if spec.bundleName == nil, !DNSLabel.isValid(metadata.name ?? "", longest: Self.longestName) {
            issues.append(
                SpecIssue(
                    "", "metadata.name is the bundle's name where bundleName is absent: at most 40 of a-z, 0-9 and '-'")
            )
        }
        let groups = spec.workerGroups ?? []
        if !groups.isEmpty, spec.image == nil {
            issues.append(SpecIssue("spec", "image is required when workerGroups are set"))
        }
        for (index, group) in groups.enumerated() {
            issues += Self.issues(of: group).map { SpecIssue("spec.workerGroups[\(index)]", $0) }
        }
        guard let old else { return issues }
        switch (old.bundleName, spec.bundleName) {
        case (nil, nil): break
        case (let before?, let after?):
            if before != after { issues.append(SpecIssue("spec.bundleName", "bundleName is immutable")) }
        default: issues.append(SpecIssue("spec", "bundleName is immutable"))
        }
        if !spec.allowAdapterRemoval, !Set(old.adapters).isSubset(of: spec.adapters) {
            issues.append(SpecIssue("spec", "adapters are append-only unless allowAdapterRemoval is true"))
        }
        return issues
    }

    private static func issues(of group: WorkerGroup) -> [String] {
        var messages: [String] = []
        if group.minReplicas > group.maxReplicas { messages.append("minReplicas must be <= maxReplicas") }
        switch group.scaling.engine {
        case .none where group.minReplicas < 1:
            messages.append("engine None cannot start from zero; set minReplicas >= 1")
        case .prometheus where group.scaling.prometheusAddress == nil:
            messages.append("engine Prometheus needs prometheusAddress")
        default: break
        }
        return messages
    }
}
