import Kubernetes
import Synchronization

/// The models as the informer tells them, also by their ids.
final class KnownModels: Sendable {
    private struct State: Sendable {
        var models: [ObjectKey: SIEModel] = [:]
        var keysByID: [String: Set<ObjectKey>] = [:]
        var isSynced = false

        mutating func add(_ model: SIEModel) -> Set<ObjectKey> {
            models[model.key] = model
            guard let id = model.spec.value?.modelID else { return [] }
            keysByID[id, default: []].insert(model.key)
            return keysByID[id] ?? []
        }

        mutating func remove(_ model: SIEModel) -> Set<ObjectKey> {
            models[model.key] = nil
            guard let id = model.spec.value?.modelID else { return [] }
            keysByID[id]?.remove(model.key)
            defer { if keysByID[id]?.isEmpty == true { keysByID[id] = nil } }
            return keysByID[id] ?? []
        }
    }

    private let state = Mutex(State())

    subscript(key: ObjectKey) -> SIEModel? { state.withLock { $0.models[key] } }
    var all: [SIEModel] { state.withLock { Array($0.models.values) } }
    var keys: [ObjectKey] { state.withLock { Array($0.models.keys) } }
    /// Whether everything has been told that was there at the start.
    var isSynced: Bool { state.withLock { $0.isSynced } }

    /// All objects that have an object's model id, itself among them.
    func namesakes(of model: SIEModel) -> [SIEModel] {
        guard let id = model.spec.value?.modelID else { return [model] }
        return state.withLock { state in (state.keysByID[id] ?? []).compactMap { state.models[$0] } }
    }

    /// Takes a change.
    ///
    /// - Returns: the objects whose standing may be another now: the changed one, and those that have its model id, or had.
    func apply(_ event: InformerEvent<SIEModel>) -> Set<ObjectKey> {
        state.withLock { state in
            switch event {
            case .added(let model): return state.add(model).union([model.key])
            case .updated(let old, let new): return state.remove(old).union(state.add(new)).union([new.key])
            case .deleted(let model, _): return state.remove(model).union([model.key])
            case .synced:
                state.isSynced = true
                return []
            }
        }
    }
}
