import Kubernetes

/// What all replicas of the gateway together say of a model.
package struct GatewayFold: Sendable, Hashable {
    /// How many replicas the status names.
    package static let mostNamed = 20

    /// For the status.
    package let gateways: SIEModel.Gateways
    package let bundles: [SIEModel.Bundle]
    /// Whether requests to any ready replica find the model, and why not.
    package let isRoutable: Bool
    package let reason: ModelReason
    package let message: String

    /// - Parameters:
    ///   - targetEpoch: the config service's epoch with the model in it; nil or 0 where it counts none.
    ///   - wasRoutable: whether the model was routable until now, so that new replicas have a grace.
    package init(
        _ reports: [ReplicaReport], modelID: String, targetEpoch: Int?, wasRoutable: Bool, now: Timestamp
    ) {
        let ready = reports.filter(\.isReady)
        let hashes = Self.majorityHashes(ready)
        var routable = 0
        var starting: [String] = []
        var failures: [SIEModel.Gateways.NotReady] = []
        var shown: [SIEModel.Gateways.NotReady] = []
        for report in reports.sorted(by: { $0.pod < $1.pod }) {
            guard report.isReady else {
                shown.append(.init(pod: report.pod, reason: "NotReady", message: "gets no traffic"))
                continue
            }
            guard let failure = Self.failure(of: report, modelID, targetEpoch ?? 0, hashes) else {
                routable += 1
                continue
            }
            shown.append(failure)
            if wasRoutable, !report.hasKnown, ReplicaGrace.lasts(since: report.readySince, at: now) {
                starting.append(report.pod)
            } else {
                failures.append(failure)
            }
        }
        let epochs = ready.compactMap { report -> Int? in
            if case .known(let epoch, _) = report.answer { epoch } else { nil }
        }
        gateways = SIEModel.Gateways(
            total: ready.count, routable: routable, minEpoch: epochs.min(), lastProbeTime: now,
            notReady: shown.isEmpty ? nil : Array(shown.prefix(Self.mostNamed)))
        bundles = Self.bundles(ready)

        let count = "\(routable) of \(ready.count) gateways route \(modelID)"
        if ready.isEmpty {
            (isRoutable, reason, message) = (false, .noGatewayReplicas, "no gateway replica is ready")
        } else if let first = failures.first {
            isRoutable = false
            // The word of the first one; the message tells of each.
            reason = first.reason.flatMap(ModelReason.init) ?? .replicaUnreachable
            let list = failures.prefix(Self.mostNamed).map { "\($0.pod) \($0.message ?? "")" }
            message = "\(count): \(list.joined(separator: "; "))"
        } else if routable == 0 {
            // All of them are new at once, as after a restart of everything.
            (isRoutable, reason, message) = (false, .replicaStale, "\(count): \(starting.joined(separator: ", "))")
        } else {
            (isRoutable, reason) = (true, .allReplicas)
            message = starting.isEmpty ? count : "\(count), \(starting.joined(separator: ", ")) may still start"
        }
    }

    /// What keeps a replica from routing the model; nil for nothing.
    private static func failure(
        of report: ReplicaReport, _ modelID: String, _ targetEpoch: Int, _ hashes: [View: String]
    ) -> SIEModel.Gateways.NotReady? {
        func failure(_ reason: ModelReason, _ message: String, epoch: Int? = nil) -> SIEModel.Gateways.NotReady {
            let text = String(decoding: message.utf8.prefix(500), as: UTF8.self)
            return .init(pod: report.pod, reason: reason.rawValue, epoch: epoch, message: text)
        }
        switch report.answer {
        case .unknownModel: return failure(.replicaStale, "does not know the model")
        case .unauthorized(let status): return failure(.replicaUnauthorized, "refuses the operator's token (\(status))")
        case .unreachable(let problem): return failure(.replicaUnreachable, "does not answer: \(problem)")
        case .known(let epoch, let bundles):
            if targetEpoch > 0, epoch < targetEpoch {
                return failure(.replicaStale, "is at config epoch \(epoch) of \(targetEpoch)", epoch: epoch)
            }
            if bundles.isEmpty { return failure(.noBundle, "has no bundle that can serve the model", epoch: epoch) }
            let odd = bundles.first { $0.expectedHash != hashes[View(bundle: $0.name, epoch: epoch)] }
            return odd.map { failure(.hashMismatch, "has another configuration of bundle \($0.name)", epoch: epoch) }
        }
    }

    /// A bundle as of an epoch: replicas that are at different epochs may well expect different hashes.
    private struct View: Hashable {
        var bundle: String
        var epoch: Int
    }

    /// The hash that most replicas at an epoch expect of a bundle; none where two are expected equally often, because then
    /// nobody can say which of them is right.
    private static func majorityHashes(_ reports: [ReplicaReport]) -> [View: String] {
        var votes: [View: [String: Int]] = [:]
        for report in reports {
            guard case .known(let epoch, let bundles) = report.answer else { continue }
            for bundle in bundles {
                votes[View(bundle: bundle.name, epoch: epoch), default: [:]][bundle.expectedHash, default: 0] += 1
            }
        }
        return votes.compactMapValues { hashes in
            let most = hashes.values.max() ?? 0
            let leading = hashes.filter { $0.value == most }
            return leading.count == 1 ? leading.first?.key : nil
        }
    }

    /// What the replicas say of the workers of each bundle. A worker has acknowledged when somebody says so and nobody the
    /// opposite.
    private static func bundles(_ reports: [ReplicaReport]) -> [SIEModel.Bundle] {
        var acked: [String: Set<String>] = [:]
        var pending: [String: Set<String>] = [:]
        // By the replica that is furthest.
        var newest: [String: (epoch: Int, hash: String)] = [:]
        var order: [String] = []
        for report in reports {
            guard case .known(let epoch, let bundles) = report.answer else { continue }
            for bundle in bundles {
                if !order.contains(bundle.name) { order.append(bundle.name) }
                if epoch >= newest[bundle.name]?.epoch ?? Int.min { newest[bundle.name] = (epoch, bundle.expectedHash) }
                acked[bundle.name, default: []].formUnion(bundle.ackedWorkers)
                pending[bundle.name, default: []].formUnion(bundle.pendingWorkers)
            }
        }
        return order.prefix(32).map { name in
            let (all, waiting) = (acked[name] ?? [], pending[name] ?? [])
            let agreed = all.subtracting(waiting)
            let eligible = all.union(waiting)
            return SIEModel.Bundle(
                name: name, expectedHash: newest[name]?.hash, eligibleWorkers: eligible.count,
                ackedWorkers: agreed.count,
                acked: !eligible.isEmpty && agreed.count == eligible.count)
        }
    }
}
