import Catalog
import Dispatch
import Logging
import Observability
import Synchronization
import Wire

/// The models of this worker: what the catalogue says of them, which are in memory, and who waits for one to load.
package final class ModelHost: ModelServing {
    /// Which of the catalogue's models this worker answers for.
    package struct Scope: Sendable {
        package var bundle: String
        package var filter: [String]?

        package init(bundle: String, filter: [String]?) {
            self.bundle = bundle
            self.filter = filter
        }

        func serves(_ id: String, in registry: Registry) -> Bool {
            registry.bundles(servingModel: id).contains(bundle) && filter?.contains(id) != false
        }
    }

    private typealias Waiter = @Sendable (ModelAdmission) -> Void

    private struct Entry {
        var lifecycle = ModelLifecycle()
        var encoder: DenseTextEncoder?
        var served: ServedModel?
        var waiters: [Waiter] = []
    }

    private struct State {
        var registry: Registry
        var entries: [String: Entry] = [:]
    }

    /// Work that may wait for one model's load; the rest is given back.
    package static let maximumWaiters = 1000

    private let scope: Scope
    private let loader: any ModelLoading
    private let metrics: WorkerMetrics
    private let clock: WorkerClock
    private let logger: Logger
    private let state: Mutex<State>
    /// Loads run one after another: each reads a whole checkpoint.
    private let loads = DispatchQueue(label: "sie-worker.model-loads")

    package init(
        registry: Registry, scope: Scope, loader: any ModelLoading, metrics: WorkerMetrics, clock: WorkerClock,
        logger: Logger
    ) {
        state = Mutex(State(registry: registry))
        self.scope = scope
        self.loader = loader
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    package var bundleConfigHash: String {
        // The copy shares the registry's cache: a digest is computed once, and not under the lock.
        state.withLock { $0.registry }.bundleConfigHash(of: scope.bundle)
    }

    // MARK: Serving

    package func withModel(_ id: String, _ body: @escaping @Sendable (ModelAdmission) -> Void) {
        let now = clock.monotonicSeconds()
        let (admission, toLoad) = state.withLock { state -> (ModelAdmission?, ModelConfig?) in
            guard let model = state.registry.model(named: id), scope.serves(model.id, in: state.registry) else {
                return (.unknown, nil)
            }
            var entry = state.entries[model.id] ?? Entry()
            defer { state.entries[model.id] = entry }
            switch entry.lifecycle.workArrived(now: now) {
            case .run: return (entry.served.map(ModelAdmission.ready) ?? .busy, nil)
            case .refuse(let message): return (.refused(message: message), nil)
            case .giveBack: return (.busy, nil)
            case .wait:
                guard entry.waiters.count < Self.maximumWaiters else { return (.busy, nil) }
                entry.waiters.append(body)
                return (nil, nil)
            case .startLoading:
                entry.waiters.append(body)
                return (nil, model)
            }
        }
        if let toLoad { loads.async { self.load(toLoad) } }
        if let admission { body(admission) }
    }

    private func load(_ model: ModelConfig) {
        metrics.modelLoads.with(model.id).increment()
        logger.info("loading model", metadata: ["model": "\(model.id)"])
        let start = clock.monotonicSeconds()
        let result = Result { try loader.load(model) }
        let now = clock.monotonicSeconds()
        let (waiters, admission) = state.withLock { state -> ([Waiter], ModelAdmission) in
            // The configuration may have changed during the load; its options are those in force now.
            let current = state.registry.model(named: model.id) ?? model
            var entry = state.entries[model.id] ?? Entry()
            defer { state.entries[model.id] = entry }
            let waiters = entry.waiters
            entry.waiters = []
            switch result {
            case .success(let encoder):
                let served = Self.served(current, encoder)
                entry.encoder = encoder
                entry.served = served
                entry.lifecycle.loadSucceeded()
                return (waiters, .ready(served))
            case .failure(let error):
                let message = "model '\(model.id)' cannot be loaded: \(error)"
                entry.lifecycle.loadFailed(message, now: now)
                return (waiters, .refused(message: message))
            }
        }
        switch result {
        case .success(let encoder):
            metrics.modelLoaded.with(model.id, "cpu").set(1)
            logger.info(
                "model loaded",
                metadata: [
                    "model": "\(model.id)", "dimension": "\(encoder.dimension)",
                    "max_sequence_length": "\(encoder.maxSequenceLength)",
                    "milliseconds": "\(Int((now - start) * 1000))",
                ])
        case .failure(let error):
            logger.error("model not loaded", metadata: ["model": "\(model.id)", "error": "\(error)"])
        }
        for waiter in waiters { waiter(admission) }
    }

    private static func served(_ model: ModelConfig, _ encoder: DenseTextEncoder) -> ServedModel {
        let path = model.profile(named: "default")?.adapterPath ?? ""
        let adapter = path.split(separator: ":").last.map(String.init) ?? path
        return ServedModel(
            id: model.id, adapter: adapter, encoder: encoder, profiles: model.runtimeOptionsByProfile)
    }

    // MARK: Configuration

    /// Takes over a model's configuration in full. A loaded model keeps its weights and is served with the new runtime
    /// options from now on; an earlier failure to load is forgotten.
    package func apply(_ model: ModelConfig) {
        state.withLock { state in
            state.registry.insert(model)
            guard var entry = state.entries[model.id] else { return }
            entry.lifecycle.configurationChanged()
            if let encoder = entry.encoder { entry.served = Self.served(model, encoder) }
            state.entries[model.id] = entry
        }
    }

    // MARK: Status

    /// Every model in scope, the largest in memory first.
    package func status() -> [WorkerStatus.Model] {
        let (registry, entries) = state.withLock { ($0.registry, $0.entries) }
        return registry.modelIDs
            .filter { scope.serves($0, in: registry) }
            .compactMap { id in registry.model(named: id).map { Self.status(of: $0, entries[id] ?? Entry()) } }
            .enumerated()
            // By memory, and by name where that is equal: the order of the ids.
            .sorted { ($1.element.memoryBytes, $0.offset) < ($0.element.memoryBytes, $1.offset) }
            .map(\.element)
    }

    private static func status(of model: ModelConfig, _ entry: Entry) -> WorkerStatus.Model {
        var status = WorkerStatus.Model()
        status.name = model.id
        status.state = entry.lifecycle.statusWord
        status.device = entry.encoder == nil ? nil : "cpu"
        status.memoryBytes = Int64(entry.encoder?.memoryBytes ?? 0)
        status.hfID = model.hubID
        status.adapter = model.profile(named: "default")?.adapterPath ?? ""
        status.inputs = model.inputs
        status.outputs = model.outputs
        status.dims = model.dimensions.sorted { $0.key < $1.key }.map { (output: $0.key, dim: $0.value) }
        status.maxSequenceLength = entry.encoder?.maxSequenceLength ?? model.maxSequenceLength
        status.queueDepth = (entry.encoder?.queueDepth ?? 0) + entry.waiters.count
        return status
    }
}
