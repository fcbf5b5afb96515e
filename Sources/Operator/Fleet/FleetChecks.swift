import Kubernetes
import Synchronization

/// Which models are looked at again only because the gateway's replicas have changed, and for no other reason: then the
/// catalogue need not be asked, nor replicas that have answered already.
package final class FleetChecks: Sendable {
    private struct State: Sendable {
        var fleet: Set<ObjectKey> = []
        var others: Set<ObjectKey> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// The fleet has changed, or a new replica may know more by now.
    package func add(_ keys: some Sequence<ObjectKey>) { state.withLock { $0.fleet.formUnion(keys) } }

    /// There is another reason to look, whatever the fleet does.
    package func overrule(_ keys: some Sequence<ObjectKey>) { state.withLock { $0.others.formUnion(keys) } }

    /// Whether the look that begins now is for the fleet alone.
    package func take(_ key: ObjectKey) -> Bool {
        state.withLock { state in
            let isFleet = state.fleet.remove(key) != nil
            let isOther = state.others.remove(key) != nil
            return isFleet && !isOther
        }
    }
}
