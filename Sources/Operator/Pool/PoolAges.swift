import Kubernetes
import Observability
import Synchronization

/// For how long each pool has not been renewed, as a metric; it goes with the pool.
package final class PoolAges: Sendable {
    private struct Renewal: Sendable {
        var pool: String
        var at: Double
    }

    private let renewals = Mutex<[ObjectKey: Renewal]>([:])
    private let ages: MetricFamily<Gauge>

    /// - Parameters:
    ///   - ages: by `namespace` and `pool`.
    ///   - now: in Unix seconds.
    package init(_ ages: MetricFamily<Gauge>, registry: MetricsRegistry, now: @escaping @Sendable () -> Double) {
        self.ages = ages
        registry.onScrape { [weak self] in self?.measure(now()) }
    }

    /// - Parameter time: of the last renewal, in Unix seconds; nil where there was none.
    func renewed(_ key: ObjectKey, pool: String, at time: Double?) {
        guard let time else { return }
        renewals.withLock { $0[key] = Renewal(pool: pool, at: time) }
    }

    func forget(_ key: ObjectKey) {
        guard let renewal = renewals.withLock({ $0.removeValue(forKey: key) }) else { return }
        ages.remove(key.namespace ?? "", renewal.pool)
    }

    private func measure(_ now: Double) {
        for (key, renewal) in renewals.withLock({ $0 }) {
            ages.with(key.namespace ?? "", renewal.pool).set(max(0, now - renewal.at))
        }
    }
}
