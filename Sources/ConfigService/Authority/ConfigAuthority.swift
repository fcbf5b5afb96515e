import Catalog
import Logging
import NIOCore
import NIOPosix
import Observability
import Synchronization
import YAML

/// Owns the catalogue: the one writer, and the snapshots that everybody reads.
///
/// Writes run one after the other on a thread of their own, which is what makes validation, storing, epoch and
/// announcement one step; the store may block it for as long as a disk needs. Writes that wait for the same flush of the
/// disk share it. Reads take the latest snapshot and never wait. A write that has begun is finished even if its client
/// has gone.
final class ConfigAuthority: Sendable {
    /// A document to be added.
    struct Write: Sendable {
        var document: YAMLMapping
        /// By what the client would recognise the same request.
        var identity: RequestIdentity?
    }

    /// What a write did.
    struct WriteResult: Sendable {
        var model: String
        var epoch: UInt64
        var createsSomething: Bool
        var answer: Answer
    }

    private struct Pending: Sendable {
        var write: Write
        var continuation: CheckedContinuation<Result<WriteResult, APIError>, Never>
    }

    private struct Queue {
        var pending: [Pending] = []
        var isScheduled = false
    }

    /// The most writes that share a flush of the disk.
    private static let batchSize = 64

    /// The keyed requests and their answers.
    let idempotency = IdempotencyGate()
    let parts: Parts
    private let snapshots: Mutex<ConfigSnapshot>
    private let hasReadStore = Atomic(false)
    private let queue = Mutex(Queue())
    private let thread: NIOThreadPool

    /// What the authority works with.
    struct Parts: Sendable {
        var store: (any ConfigStore)?
        var publisher: (any DeltaPublisher)?
        /// Whether this process may write now.
        var standing: any WriterStanding
        var loader: CatalogueLoader
        /// Whether models of the store are put into the catalogue at start.
        var restores: Bool
        var metrics: ConfigMetrics
        var logger: Logger
    }

    /// The store as the writer's thread last saw it; nothing else touches it.
    let session = Mutex(StoreSession())

    /// Creates the authority over a catalogue that was loaded; nil where loading failed, which leaves only the epoch to
    /// be read.
    init(catalogue: Catalogue?, parts: Parts) {
        self.parts = parts
        snapshots = Mutex(ConfigSnapshot(catalogue: catalogue))
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    /// Reads the store and, where this process may write, claims it. A store that fails is tried again at each write.
    func open() async {
        await onWriterThread {
            self.session.withLock { $0.open(self) }
        }
    }

    /// Takes what another process has written to the store since; where this process may write and could not open the
    /// store yet, it tries again.
    func keepUp() async {
        await onWriterThread {
            self.session.withLock { session in
                if self.parts.standing.mayWrite {
                    session.open(self)
                } else {
                    session.refresh(self)
                }
            }
        }
    }

    /// Claims the store anew, as a process does that was elected.
    ///
    /// - Returns: whether the store was claimed.
    func takeOver() async -> Bool {
        await onWriterThread { self.session.withLock { $0.takeOver(self) } } ?? false
    }

    /// Shows other bundles than those that were read before. The epoch counts writes and stays; the digest over all bundles
    /// moves, which consumers watch, too.
    ///
    /// - Returns: whether these are others.
    func replaceBundles(_ bundles: [Bundle]) async -> Bool {
        await onWriterThread {
            var snapshot = self.snapshot
            guard let catalogue = snapshot.catalogue else { return false }
            let changed = catalogue.with(bundles: bundles)
            guard changed.registry.bundles != catalogue.registry.bundles else { return false }
            snapshot.catalogue = changed
            self.publish(snapshot)
            return true
        } ?? false
    }

    /// Ends the writer's thread after what it is doing, and leaves the store in order.
    func shutDown() async {
        await onWriterThread { self.parts.store?.close() }
        try? await thread.shutdownGracefully()
    }

    @discardableResult
    private func onWriterThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        try? await thread.runIfActive(body)
    }

    // MARK: Reading

    /// Who this process is to consumers; `standalone` where changes are announced to nobody.
    var routerID: String { parts.publisher?.identity ?? "standalone" }

    /// The catalogue as it is now.
    ///
    /// A store that is to be restored and has not been read yet is a catalogue that has not been loaded: to show it
    /// without the stored models would have gateways forget them.
    func catalogue() throws(APIError) -> Catalogue {
        guard !awaitsStore, let catalogue = snapshots.withLock({ $0.catalogue }) else { throw .registryUnavailable }
        return catalogue
    }

    /// Whether a catalogue was loaded.
    var isLoaded: Bool { !awaitsStore && snapshots.withLock { $0.catalogue != nil } }

    /// Whether there is a store that must be read before anything can be shown.
    var awaitsStore: Bool { parts.store != nil && parts.restores && !hasReadStore.load(ordering: .acquiring) }

    /// Notes that what the store holds is shown.
    func didReadStore() { hasReadStore.store(true, ordering: .releasing) }

    /// Whether a write can be announced, where it has to be.
    var canAnnounce: Bool { parts.publisher?.isConnected ?? true }

    /// The present state.
    var snapshot: ConfigSnapshot { snapshots.withLock { $0 } }

    /// Shows another state to all who ask from now on. Only the writer's thread does.
    func publish(_ snapshot: ConfigSnapshot) {
        snapshots.withLock { $0 = snapshot }
        let total = snapshot.catalogue?.registry.models.count ?? 0
        let stored = snapshot.catalogue?.stored.count ?? 0
        parts.metrics.epoch.set(Double(snapshot.epoch))
        parts.metrics.models.with("api").set(Double(stored))
        parts.metrics.models.with("filesystem").set(Double(max(0, total - stored)))
    }

    /// The counter of writes; 0 without a store. What somebody wrote into the store by hand shows at once.
    func epoch() -> UInt64 {
        let known = snapshot.epoch
        guard let store = parts.store, parts.standing.mayWrite else { return known }
        return store.editedEpoch() ?? known
    }

    /// Everything at one moment between two writes.
    func export() async throws(APIError) -> ConfigExport {
        let snapshot = snapshot
        guard let catalogue = snapshot.catalogue else { throw .registryUnavailable }
        guard epoch() != snapshot.epoch else { return ConfigExport(epoch: snapshot.epoch, catalogue: catalogue) }
        // Either a write is at its end just now, or somebody edited the counter; between two writes it is the latter.
        let settled = await onWriterThread { (self.epoch(), self.snapshot.catalogue) }
        return ConfigExport(epoch: settled?.0 ?? snapshot.epoch, catalogue: settled?.1 ?? catalogue)
    }

    // MARK: Writing

    /// Adds what a document brings, in one step: check, store, publish the new snapshot, announce.
    func write(_ write: Write) async throws(APIError) -> WriteResult {
        let result: Result<WriteResult, APIError> = await withCheckedContinuation { continuation in
            let mustSchedule = queue.withLock { queue in
                queue.pending.append(Pending(write: write, continuation: continuation))
                defer { queue.isScheduled = true }
                return !queue.isScheduled
            }
            if mustSchedule { schedule() }
        }
        return try result.get()
    }

    private func schedule() {
        thread.submit { state in
            switch state {
            case .active: self.performBatch()
            case .cancelled: self.refuseAll()
            }
        }
    }

    /// Performs what waits, and comes back for what has come meanwhile: exports take their turns between batches.
    private func performBatch() {
        let batch = queue.withLock { queue in
            let batch = Array(queue.pending.prefix(Self.batchSize))
            queue.pending.removeFirst(batch.count)
            return batch
        }
        let outcomes = session.withLock { $0.perform(batch.map(\.write), for: self) }
        for (pending, outcome) in zip(batch, outcomes) { pending.continuation.resume(returning: outcome) }
        let goesOn = queue.withLock { queue in
            queue.isScheduled = !queue.pending.isEmpty
            return queue.isScheduled
        }
        if goesOn { schedule() }
    }

    private func refuseAll() {
        let pending = queue.withLock { queue in
            defer { queue = Queue() }
            return queue.pending
        }
        for pending in pending {
            pending.continuation.resume(returning: .failure(.storeUnavailable("the service is shutting down")))
        }
    }
}
