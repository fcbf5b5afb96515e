import Catalog
import Logging
import Observability
import YAML

/// The writer's side of the store: what was loaded, whether it is claimed, and how a batch of writes gets into it.
///
/// It lives on the writer's thread alone.
struct StoreSession: Sendable {
    /// The version of what this process holds; nil before the store could be read.
    private var version: StoreVersion?
    /// Whether `version` is one under which commits are taken.
    private var isClaimed = false
    /// Whether the store was read before; what is new in it since was written by another process meanwhile.
    private var hasLoaded = false
    /// What stood in the way last; said once.
    private var problem: String?

    // MARK: Opening

    /// Loads and claims the store, as far as that is not done.
    ///
    /// - Returns: what stands in the way of writing; nil where nothing does.
    @discardableResult
    mutating func open(_ authority: ConfigAuthority) -> APIError? {
        guard let store = authority.parts.store else { return nil }
        do {
            if version == nil { try load(store, authority) }
            if authority.parts.standing.mayWrite, !isClaimed { try claim(store, authority) }
            problem = nil
            return nil
        } catch {
            if problem != error.description {
                problem = error.description
                authority.parts.logger.error("the store cannot be used", metadata: ["reason": "\(error)"])
            }
            return .storeUnavailable(error.description)
        }
    }

    /// Takes what is new in a store that another process writes to.
    mutating func refresh(_ authority: ConfigAuthority) {
        guard let store = authority.parts.store else { return }
        isClaimed = false
        do {
            try load(store, authority)
            problem = nil
        } catch {
            guard problem != error.description else { return }
            problem = error.description
            authority.parts.logger.warning("the store cannot be read", metadata: ["reason": "\(error)"])
        }
    }

    /// Claims the store for a process that was elected.
    mutating func takeOver(_ authority: ConfigAuthority) -> Bool {
        isClaimed = false
        guard let store = authority.parts.store else { return true }
        do {
            try claim(store, authority)
            return true
        } catch {
            authority.parts.logger.error("the store cannot be claimed", metadata: ["reason": "\(error)"])
            return false
        }
    }

    private mutating func load(_ store: any ConfigStore, _ authority: ConfigAuthority) throws(ConfigStoreError) {
        guard let state = try store.load(unless: version) else { return }
        var snapshot = authority.snapshot
        snapshot.epoch = state.epoch
        if var catalogue = snapshot.catalogue {
            let changed = state.models.filter { catalogue.stored[$0.key] != $0.value }
            catalogue.note(stored: state.models)
            // What another process wrote while this one ran belongs to the catalogue in any case.
            if hasLoaded || authority.parts.restores {
                authority.parts.loader.restore(changed, into: &catalogue)
            }
            snapshot.catalogue = catalogue
        } else if authority.parts.restores {
            authority.parts.logger.warning("nothing is restored, since there is no catalogue to restore it into")
        }
        authority.publish(snapshot)
        authority.idempotency.restore(state.replies)
        version = state.version
        hasLoaded = true
        authority.didReadStore()
    }

    /// Claims the store, loading what others have written as often as they do.
    private mutating func claim(_ store: any ConfigStore, _ authority: ConfigAuthority) throws(ConfigStoreError) {
        for attempt in 0... {
            try load(store, authority)
            guard let loaded = version else { return }
            do throws(ConfigStoreError) {
                version = try store.claim(ifVersion: loaded)
                isClaimed = true
                return
            } catch {
                guard error.kind == .stale, attempt < 10 else { throw error }
            }
        }
    }

    // MARK: Writing

    /// Performs writes in their order; all that change something are stored in one commit.
    mutating func perform(
        _ writes: [ConfigAuthority.Write], for authority: ConfigAuthority
    ) -> [Result<ConfigAuthority.WriteResult, APIError>] {
        func refuse(_ error: APIError) -> [Result<ConfigAuthority.WriteResult, APIError>] {
            writes.map { _ in .failure(error) }
        }
        // Somebody else may have claimed the store: then what they wrote counts, and the writes are looked at again.
        for _ in 0..<3 {
            guard authority.parts.standing.mayWrite else { return refuse(.notTheWriter) }
            if let error = open(authority) { return refuse(error) }
            let snapshot = authority.snapshot
            guard let catalogue = snapshot.catalogue else { return refuse(.registryUnavailable) }
            let batch = WriteBatch(
                writes, catalogue: catalogue, epoch: authority.parts.store.map { $0.editedEpoch() ?? snapshot.epoch },
                routerID: authority.routerID)
            guard !batch.changes.isEmpty else { return batch.results(warnings: [:]) }
            switch commit(batch.changes, authority) {
            case .done: return finish(batch, authority)
            case .failed(let reason): return batch.results(failing: .storeUnavailable(reason))
            case .superseded: continue
            }
        }
        return refuse(.storeUnavailable("another process writes to the store"))
    }

    private enum Outcome {
        case done
        case failed(String)
        /// Another process has written since; nothing of ours was.
        case superseded
    }

    private mutating func commit(_ changes: [StoredChange], _ authority: ConfigAuthority) -> Outcome {
        guard let store = authority.parts.store else { return .done }
        guard let held = version else { return .failed("the store has not been read") }
        let writes = authority.parts.metrics.storeWrites
        do throws(ConfigStoreError) {
            version = try store.commit(changes, ifVersion: held)
            for _ in changes where changes.contains(where: { $0.model != nil }) {
                writes.with("write_model", "success").increment()
                writes.with("increment_epoch", "success").increment()
            }
            return .done
        } catch {
            authority.parts.logger.error("the store failed", metadata: ["reason": "\(error)"])
            switch error.kind {
            case .unavailable:
                writes.with("write_model", "failure").increment()
                return .failed(error.description)
            case .stale:
                isClaimed = false
                authority.parts.standing.wasSuperseded()
                return .superseded
            case .unsettled:
                isClaimed = false
                return settle(changes, store, authority, error)
            }
        }
    }

    /// Finds out whether a commit of unknown outcome was made.
    private mutating func settle(
        _ changes: [StoredChange], _ store: any ConfigStore, _ authority: ConfigAuthority, _ failure: ConfigStoreError
    ) -> Outcome {
        do throws(ConfigStoreError) {
            guard let state = try store.load(unless: nil) else { return .failed(failure.description) }
            let isThere = changes.allSatisfy { change in
                change.model.map { state.models[$0.id] == $0.text } ?? change.reply.map(state.replies.contains) ?? true
            }
            guard isThere, state.epoch >= changes.last?.epoch ?? 0 else { return .superseded }
            version = state.version
            return .done
        } catch {
            version = nil
            authority.parts.metrics.storeWrites.with("write_model", "failure").increment()
            return .failed("\(failure.description); whether the change was made will show when the store answers again")
        }
    }

    /// Shows what was committed, and announces it.
    private mutating func finish(
        _ batch: WriteBatch, _ authority: ConfigAuthority
    ) -> [Result<ConfigAuthority.WriteResult, APIError>] {
        authority.publish(ConfigSnapshot(catalogue: batch.catalogue, epoch: batch.epoch ?? 0))
        let warnings = batch.announce(authority.parts)
        // A repeated request is to get the same bytes also after a restart.
        let amended = batch.amendments(warnings: warnings)
        if !amended.isEmpty, case .failed(let reason) = commit(amended, authority) {
            authority.parts.logger.error(
                "warnings are not kept for repeated requests", metadata: ["reason": "\(reason)"])
        }
        return batch.results(warnings: warnings)
    }
}
