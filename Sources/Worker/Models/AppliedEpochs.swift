/// Which configuration of each model was applied last, so that a late or repeated announcement changes nothing (worker
/// contract 3.2).
package struct AppliedEpochs: Sendable, Equatable {
    private var epochs: [String: UInt64] = [:]

    package init() {}

    /// Whether an announcement is newer than what was applied to the model.
    package func accepts(_ epoch: UInt64, for model: String) -> Bool {
        epochs[model].map { epoch > $0 } ?? true
    }

    /// The announcement was applied. Not called where that failed: a repetition may then succeed.
    package mutating func applied(_ epoch: UInt64, to model: String) {
        epochs[model] = epoch
    }

    /// The connection was lost: the control plane may have started over with lower epochs.
    package mutating func reset() { epochs = [:] }
}
