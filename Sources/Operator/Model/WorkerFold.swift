/// Whether the workers hold a model as far as its policy asks for.
package struct WorkerFold: Sendable, Hashable {
    package let status: Condition.State
    package let reason: ModelReason
    package let message: String

    /// - Parameter bundles: what the gateways say of each bundle that can serve the model.
    package init(_ bundles: [SIEModel.Bundle], readiness: SIEModel.Readiness) {
        let eligible = bundles.reduce(0) { $0 + ($1.eligibleWorkers ?? 0) }
        let acked = bundles.reduce(0) { $0 + ($1.ackedWorkers ?? 0) }
        let asleep = bundles.filter { ($0.eligibleWorkers ?? 0) == 0 }.map(\.name)
        let count = "\(acked) of \(eligible) workers hold the model"
        let wanted = readiness.minAckedWorkers.map { "\(count), \($0) are asked for" } ?? count
        let mayBeAsleep = readiness.scaledToZero == .countsAsAcked

        if eligible == 0 {
            (status, reason) = (mayBeAsleep ? .true : .false, .noEligibleWorkers)
            let names = asleep.isEmpty ? "" : " (\(asleep.joined(separator: ", ")))"
            message = "no worker is up that could serve the model\(names)"
        } else if readiness.minAckedWorkers.map({ acked >= $0 }) ?? (acked == eligible) {
            if asleep.isEmpty || mayBeAsleep || readiness.minAckedWorkers != nil {
                (status, reason, message) = (.true, .allAcked, wanted)
            } else {
                (status, reason) = (.false, .noEligibleWorkers)
                message = "\(count); no worker is up in \(asleep.joined(separator: ", "))"
            }
        } else {
            (status, reason, message) = (.false, .pending, wanted)
        }
    }

    package var isAcked: Bool { status == .true }
}
