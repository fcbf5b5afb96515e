import Kubernetes

extension SIEPool {
    /// The longest name of a pool: with what the product puts before it, it stays a DNS label.
    package static let longestName = 48

    package func ruleIssues(_ spec: Spec, replacing old: Spec?) -> [SpecIssue] {
        var issues: [SpecIssue] = []
        if let name = spec.poolName {
            if name == "default" {
                issues.append(SpecIssue("spec.poolName", "pool 'default' is owned by the gateway"))
            }
        } else {
            let name = metadata.name ?? ""
            if !DNSLabel.isValid(name, longest: Self.longestName) || name == "default" {
                issues.append(
                    SpecIssue(
                        "",
                        "metadata.name is the pool's name where poolName is absent: at most 48 of a-z, 0-9 and '-', "
                            + "and not 'default'"))
            }
        }
        // Counts of any size add up without overflowing.
        if Int128(spec.minimumWorkerCount) > spec.gpus.reduce(Int128(0), { $0 + Int128($1.count) }) {
            issues.append(SpecIssue("spec", "minimumWorkerCount exceeds the sum of gpus"))
        }
        guard let old else { return issues }
        switch (old.poolName, spec.poolName) {
        case (nil, nil): break
        case (let before?, let after?):
            if before != after { issues.append(SpecIssue("spec.poolName", "poolName is immutable")) }
        default: issues.append(SpecIssue("spec", "poolName is immutable"))
        }
        if old.bundle != nil, spec.bundle == nil {
            issues.append(SpecIssue("spec", "bundle cannot be removed once set"))
        }
        return issues
    }
}
