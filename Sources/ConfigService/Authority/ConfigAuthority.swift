import Catalog
import Logging
import NIOCore
import NIOPosix
import Observability
import Synchronization
import Wire
import YAML

/// Owns the catalogue: the one writer, and the snapshots that everybody reads.
///
/// Writes and exports run one after the other on a thread of their own, which is what makes validation, storing, epoch
/// and announcement one step; the store may block it for as long as a disk needs. Reads take the latest snapshot and
/// never wait. A write that has begun is finished even if its client has gone.
final class ConfigAuthority: Sendable {
    /// What a write did.
    struct WriteResult: Sendable {
        var append: ModelAppend
        var warnings: [String]
    }

    /// Who this process is to consumers; `standalone` where changes are announced to nobody.
    let routerID: String

    private let catalogue: Mutex<Catalogue?>
    private let store: (any ConfigStore)?
    private let publisher: (any DeltaPublisher)?
    private let metrics: ConfigMetrics
    private let logger: Logger
    private let writer: NIOThreadPool
    private let readers: NIOThreadPool
    private let eventLoop: any EventLoop

    /// Creates the authority over a catalogue that was loaded; nil where loading failed, which leaves only the epoch to
    /// be read.
    init(
        catalogue: Catalogue?, store: (any ConfigStore)?, publisher: (any DeltaPublisher)?, metrics: ConfigMetrics,
        eventLoop: any EventLoop, logger: Logger
    ) {
        self.catalogue = Mutex(catalogue)
        self.store = store
        self.publisher = publisher
        self.metrics = metrics
        self.eventLoop = eventLoop
        self.logger = logger
        routerID = publisher?.identity ?? "standalone"
        writer = NIOThreadPool(numberOfThreads: 1)
        writer.start()
        readers = .singleton
        metrics.epoch.set(Double(store?.epoch() ?? 0))
        countModels()
    }

    /// Ends the writer's thread after what it is doing.
    func shutDown() async {
        try? await writer.shutdownGracefully()
    }

    // MARK: Reading

    /// The catalogue as it is now.
    func snapshot() throws(APIError) -> Catalogue {
        guard let catalogue = catalogue.withLock({ $0 }) else { throw .registryUnavailable }
        return catalogue
    }

    /// Whether a catalogue was loaded.
    var isLoaded: Bool { catalogue.withLock { $0 != nil } }

    /// Whether a write can be announced, where it has to be.
    var canAnnounce: Bool { publisher?.isConnected ?? true }

    /// The counter of writes as stored; 0 without a store.
    func epoch() async -> UInt64 {
        guard let store else { return 0 }
        return await blocking { store.epoch() }
    }

    /// The ids of all stored models.
    func storedIDs() async -> Set<String> {
        guard let store else { return [] }
        return await blocking { Set(store.modelIDs()) }
    }

    /// The text of a model: as stored, else of its file, else the registry's document.
    func text(of model: ModelConfig, in catalogue: Catalogue) async -> String {
        guard let store else { return catalogue.text(of: model) }
        let stored = await blocking { store.modelText(model.id) } ?? ""
        return stored.isEmpty ? catalogue.text(of: model) : stored
    }

    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        do {
            return try await readers.runIfActive(eventLoop: eventLoop, body).get()
        } catch {
            // The shared pool ends with the process only.
            return body()
        }
    }

    // MARK: Writing

    /// Adds what a document brings, in one step: check, store, publish the new snapshot, count the epoch, announce.
    func write(_ document: YAMLMapping) async throws -> WriteResult {
        try await writer.runIfActive(eventLoop: eventLoop) { try self.writeNow(document) }.get()
    }

    private func writeNow(_ document: YAMLMapping) throws(APIError) -> WriteResult {
        var catalogue = try snapshot()
        let id = document["sie_id"]?.string ?? ""
        guard store == nil || ModelIdentifier.isStorable(id) else {
            let message = "sie_id '\(id)' must not contain '__', which stands for '/' in the store"
            throw .refused(model: id, .invalid([SchemaIssue(["sie_id"], message)]))
        }
        let append: ModelAppend
        do {
            append = try ModelAppend(document, to: catalogue.registry, stored: storedDocument(id))
        } catch {
            throw .refused(model: id, error)
        }
        guard append.createsSomething else { return WriteResult(append: append, warnings: []) }

        let text = YAMLEmitter().text(of: YAMLNode(.mapping(append.model.document)))
        if let store {
            try counting("write_model") { () throws(ConfigStoreError) in
                try store.writeModel(append.model.id, text: text)
            }
        }
        catalogue.registry.insert(append.model)
        let grown = catalogue
        self.catalogue.withLock { $0 = grown }

        var epoch: UInt64 = 0
        if let store {
            epoch = store.epoch() + 1
            let next = epoch
            try counting("increment_epoch") { () throws(ConfigStoreError) in try store.writeEpoch(next) }
            metrics.epoch.set(Double(epoch))
        }
        countModels()
        let outcome = announce(append, text: text, epoch: epoch, registry: grown.registry)
        return WriteResult(append: append, warnings: [outcome?.warning].compactMap { $0 })
    }

    private func storedDocument(_ id: String) -> YAMLMapping? {
        guard let text = store?.modelText(id), !text.isEmpty else { return nil }
        do {
            return try YAMLNode(parsing: text).mapping
        } catch {
            logger.warning("stored model cannot be read", metadata: ["model": "\(id)", "reason": "\(error)"])
            return nil
        }
    }

    private func counting(
        _ operation: String, _ body: () throws(ConfigStoreError) -> Void
    ) throws(APIError) {
        do {
            try body()
            metrics.storeWrites.with(operation, "success").increment()
        } catch {
            metrics.storeWrites.with(operation, "failure").increment()
            logger.error("the store failed", metadata: ["reason": "\(error)"])
            throw .storeUnavailable(operation)
        }
    }

    private func announce(
        _ append: ModelAppend, text: String, epoch: UInt64, registry: Registry
    ) -> PublishOutcome? {
        guard let publisher else { return nil }
        let outcome = publisher.announce(
            append.affectedBundles.map { bundle in
                ConfigDelta(
                    producerID: publisher.identity, bundleID: bundle, epoch: epoch,
                    bundleConfigHash: registry.bundleConfigHash(of: bundle), modelID: append.model.id,
                    profilesAdded: append.createdProfiles, modelConfig: text, affectedBundles: append.affectedBundles)
            })
        metrics.publishes.with(outcome.metricLabel).increment()
        if let warning = outcome.warning {
            logger.warning("\(warning)", metadata: ["model": "\(append.model.id)"])
        }
        return outcome
    }

    private func countModels() {
        let total = catalogue.withLock { $0?.registry.models.count } ?? 0
        let stored = store?.modelIDs().count ?? 0
        metrics.models.with("api").set(Double(stored))
        metrics.models.with("filesystem").set(Double(max(0, total - stored)))
    }

    // MARK: Exporting

    /// Everything at one moment between two writes.
    func export() async throws -> ConfigExport {
        try await writer.runIfActive(eventLoop: eventLoop) { () throws(APIError) -> ConfigExport in
            let catalogue = try self.snapshot()
            let registry = catalogue.registry
            let models = registry.modelIDs.compactMap { registry.models[$0] }.map { model in
                let stored = self.store?.modelText(model.id) ?? ""
                return ConfigExport.Model(
                    config: model, text: stored.isEmpty ? catalogue.text(of: model) : stored,
                    affectedBundles: registry.bundles(servingModel: model.id))
            }
            return ConfigExport(epoch: self.store?.epoch() ?? 0, models: models)
        }.get()
    }
}
