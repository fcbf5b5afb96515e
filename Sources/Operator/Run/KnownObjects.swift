import Kubernetes
import Synchronization

/// The objects of a kind as the informer tells them, for those who are made before the informer is.
final class KnownObjects<Object: KubernetesObject>: Sendable {
    private struct State: Sendable {
        var objects: [ObjectKey: Object] = [:]
        var isSynced = false
    }

    private let state = Mutex(State())

    subscript(key: ObjectKey) -> Object? { state.withLock { $0.objects[key] } }
    var keys: [ObjectKey] { state.withLock { Array($0.objects.keys) } }
    var all: [Object] { state.withLock { Array($0.objects.values) } }
    /// Whether everything has been told that was there at the start.
    var isSynced: Bool { state.withLock { $0.isSynced } }

    func apply(_ event: InformerEvent<Object>) {
        state.withLock { state in
            switch event {
            case .added(let object), .updated(_, let object): state.objects[object.key] = object
            case .deleted(let object, _): state.objects[object.key] = nil
            case .synced: state.isSynced = true
            }
        }
    }
}
