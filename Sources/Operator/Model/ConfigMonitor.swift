import Kubernetes

/// Sees from the config service's epoch when models may have been lost, so that not every model has to be asked for all
/// the time.
package struct ConfigMonitor: Sendable {
    /// Why all models are looked at again.
    package enum Alarm: Sendable, Hashable {
        /// The service counts anew: it restarted without its store, or its store was replaced.
        case epochFell(from: Int, to: Int)
        /// Models that no bundle could serve may now be served, and the other way round.
        case bundlesChanged
        /// It was away for so long that anything may have happened to it.
        case cameBack(afterSeconds: Int64)
    }

    /// How often the service is asked.
    package static let intervalSeconds = 15
    /// Over how long the models are spread that an alarm brings up.
    package static let spreadSeconds = 30
    /// How long the service may be away without an alarm.
    package static let absenceSeconds: Int64 = 30

    /// The last epoch that the service told; nil before the first answer.
    package private(set) var epoch: Int?
    private var bundlesHash: String?
    /// When the service first did not answer.
    private var awaySince: Timestamp?

    package init() {}

    /// The service answered.
    /// - Returns: why all models have to be looked at; nil where nothing speaks for it. The first answer says nothing: at
    ///   the start all models are looked at anyway.
    package mutating func answered(epoch: Int, bundlesHash: String?, at now: Timestamp) -> Alarm? {
        defer {
            self.epoch = epoch
            self.bundlesHash = bundlesHash ?? self.bundlesHash
            awaySince = nil
        }
        guard let before = self.epoch else { return nil }
        if epoch < before { return .epochFell(from: before, to: epoch) }
        if let bundlesHash, let old = self.bundlesHash, old != bundlesHash { return .bundlesChanged }
        let absence = awaySince.map { now.secondsSince1970 - $0.secondsSince1970 } ?? 0
        return absence > Self.absenceSeconds ? .cameBack(afterSeconds: absence) : nil
    }

    /// The service did not answer, or not with an epoch.
    package mutating func failed(at now: Timestamp) {
        awaySince = awaySince ?? now
    }

    /// How long the service has been away.
    package func absenceSeconds(at now: Timestamp) -> Int64 {
        awaySince.map { max(0, now.secondsSince1970 - $0.secondsSince1970) } ?? 0
    }
}
