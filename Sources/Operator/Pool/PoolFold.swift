import Kubernetes

/// What all replicas of the gateway together say of a pool.
package struct PoolFold: Sendable, Hashable {
    /// How many replicas the message names.
    package static let mostNamed = 20

    /// For the status.
    package let gateways: SIEPool.Status.Gateways
    /// Whether every ready replica knows the pool as it is asked for, and why not.
    package let isVisible: Bool
    package let message: String
    /// Whether every replica that knows the pool has all its workers.
    package let isActive: Bool
    /// How many workers the replica knows of that knows of the fewest.
    package let workers: Int

    /// - Parameters:
    ///   - reports: of the ready replicas.
    ///   - spec: what the pool asks for.
    ///   - wasVisible: whether all replicas knew the pool until now, so that new ones have a grace.
    package init(_ reports: [PoolReport], spec: PoolDocument.Spec, wasVisible: Bool, now: Timestamp) {
        var views: [PoolReport.View] = []
        var missing: [String] = []
        var starting: [String] = []
        for report in reports.sorted(by: { $0.pod < $1.pod }) {
            if case .known(let view) = report.answer, view.spec == spec {
                views.append(view)
            } else if wasVisible, ReplicaGrace.lasts(since: report.readySince, at: now) {
                starting.append(report.pod)
            } else {
                missing.append("\(report.pod) \(Self.problem(report.answer))")
            }
        }
        gateways = SIEPool.Status.Gateways(total: reports.count, seeing: views.count)
        isActive = !views.isEmpty && views.allSatisfy(\.isActive)
        workers = views.map(\.workers).min() ?? 0

        let count = "\(views.count) of \(reports.count) gateways know the pool \(spec.name)"
        if reports.isEmpty {
            (isVisible, message) = (false, "no gateway replica is ready")
        } else if !missing.isEmpty {
            (isVisible, message) = (false, "\(count): \(missing.prefix(Self.mostNamed).joined(separator: "; "))")
        } else if views.isEmpty {
            // All of them are new at once, as after a restart of everything.
            (isVisible, message) = (false, "\(count): \(starting.joined(separator: ", "))")
        } else {
            isVisible = true
            message = starting.isEmpty ? count : "\(count), \(starting.joined(separator: ", ")) may still start"
        }
    }

    private static func problem(_ answer: PoolReport.Answer) -> String {
        let text =
            switch answer {
            case .known: "knows it as it was before"
            case .unknownPool: "does not know it"
            case .unauthorized(let status): "refuses the operator's token (\(status))"
            case .unreachable(let problem): "does not answer: \(problem)"
            }
        return String(decoding: text.utf8.prefix(500), as: UTF8.self)
    }
}
