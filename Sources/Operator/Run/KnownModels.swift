import Kubernetes
import Logging
import ServiceLifecycle
import Synchronization

/// The models, also by their ids: a service that follows them once for everybody who works with them. Of the models
/// themselves there is one copy, the informer's.
final class KnownModels: Service {
    /// Something that was told.
    struct Change: Sendable {
        var event: InformerEvent<SIEModel>
        /// The objects whose standing may be another now: the changed one, and those that have its model id, or had.
        var affected: Set<ObjectKey>
        /// Whether it was there at the start.
        var isInitial: Bool
    }

    private final class Index: Sendable {
        private let keys = Mutex<[String: Set<ObjectKey>]>([:])

        subscript(id: String) -> Set<ObjectKey> { keys.withLock { $0[id] ?? [] } }

        /// Takes a change.
        ///
        /// - Returns: the objects whose standing may be another now.
        func apply(_ event: InformerEvent<SIEModel>) -> Set<ObjectKey> {
            keys.withLock { keys in
                switch event {
                case .added(let model): Self.add(model, to: &keys).union([model.key])
                case .updated(let old, let new):
                    Self.remove(old, from: &keys).union(Self.add(new, to: &keys)).union([new.key])
                case .deleted(let model, _): Self.remove(model, from: &keys).union([model.key])
                case .synced: []
                }
            }
        }

        private static func add(_ model: SIEModel, to keys: inout [String: Set<ObjectKey>]) -> Set<ObjectKey> {
            guard let id = model.spec.value?.modelID else { return [] }
            keys[id, default: []].insert(model.key)
            return keys[id] ?? []
        }

        private static func remove(_ model: SIEModel, from keys: inout [String: Set<ObjectKey>]) -> Set<ObjectKey> {
            guard let id = model.spec.value?.modelID else { return [] }
            keys[id]?.remove(model.key)
            defer { if keys[id]?.isEmpty == true { keys[id] = nil } }
            return keys[id] ?? []
        }
    }

    private let models: KnownObjects<SIEModel>
    private let index: Index

    /// - Parameters:
    ///   - namespace: nil for all.
    ///   - onChange: told of every change, in order.
    init(
        _ client: KubernetesClient, namespace: String?, metrics: OperatorMetrics, logger: Logger,
        onChange: @escaping @Sendable (Change) -> Void
    ) {
        let index = Index()
        self.index = index
        let models = KnownObjects<SIEModel>(client, namespace: namespace, metrics: metrics, logger: logger)
        self.models = models
        models.listen { [weak models] event in
            let isInitial = models.map { !$0.isSynced } ?? false
            onChange(Change(event: event, affected: index.apply(event), isInitial: isInitial))
        }
    }

    subscript(key: ObjectKey) -> SIEModel? { models[key] }
    var all: [SIEModel] { models.all }
    var keys: [ObjectKey] { models.keys }
    /// Whether everything has been told that was there at the start.
    var isSynced: Bool { models.isSynced }

    /// All objects that have an object's model id, itself among them.
    func namesakes(of model: SIEModel) -> [SIEModel] {
        guard let id = model.spec.value?.modelID else { return [model] }
        return index[id].compactMap { models[$0] }
    }

    func run() async { await models.run() }
}
