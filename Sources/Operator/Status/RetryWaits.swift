import Kubernetes
import Synchronization

/// How long keys wait between attempts, growing with each in a row. A restart may forget it: then they wait for less.
final class RetryWaits: Sendable {
    private let attempts = Mutex<[ObjectKey: Int]>([:])

    /// The next wait: a second, then up to twice as long each time, at moments of chance.
    func next(_ key: ObjectKey, cap: Duration) -> Duration {
        let count = attempts.withLock { attempts in
            attempts[key, default: 0] += 1
            return attempts[key, default: 1]
        }
        let longest = min(cap, .seconds(1 << min(count - 1, 16)))
        return longest * Double.random(in: 0.5...1)
    }

    func forget(_ key: ObjectKey) { attempts.withLock { $0[key] = nil } }
}
