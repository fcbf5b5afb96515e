import Kubernetes

/// How long a replica of the gateway may take to catch up after it came, without making a routable model unroutable or a
/// visible pool invisible.
package enum ReplicaGrace {
    package static let seconds: Int64 = 60

    /// Whether a replica that gets traffic since `readySince` may still be starting.
    package static func lasts(since readySince: Timestamp, at now: Timestamp) -> Bool {
        now.secondsSince1970 - readySince.secondsSince1970 < seconds
    }
}
