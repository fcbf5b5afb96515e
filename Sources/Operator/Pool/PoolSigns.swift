import Kubernetes
import Synchronization

/// For how long pools have not been renewed, by a clock that nobody sets: what was seen, and since when. A process that has
/// just begun has seen nothing yet, and is patient.
package final class PoolSigns: Sendable {
    private struct Sign: Sendable {
        /// The last renewal, in Unix seconds of whoever renewed.
        var time: Double?
        var since: Duration
    }

    private let signs = Mutex<[ObjectKey: Sign]>([:])

    package init() {}

    /// - Parameters:
    ///   - live: what is there now; nothing at all is no sign.
    ///   - now: the time since any fixed moment.
    /// - Returns: for how long the last sign has been the same, in seconds.
    package func unchangedSeconds(_ key: ObjectKey, _ live: LivePool, now: Duration) -> Double {
        signs.withLock { signs in
            if let known = signs[key], live.lastSign == nil || live.lastSign == known.time {
                return (now - known.since) / .seconds(1)
            }
            signs[key] = Sign(time: live.lastSign, since: now)
            return 0
        }
    }

    package func forget(_ key: ObjectKey) { signs.withLock { $0[key] = nil } }
}
