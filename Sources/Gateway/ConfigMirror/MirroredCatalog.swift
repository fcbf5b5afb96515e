import Catalog
import Wire
import YAML

/// The gateway's copy of the catalogue and how it changes. A value: the mirror keeps one and publishes it after each
/// change.
package struct MirroredCatalog: Sendable {
    /// A model that did not make it into the catalogue.
    package struct Rejection: Equatable, Sendable {
        package var model: String
        package var reason: String
    }

    package enum DeltaOutcome: String, Sendable {
        case applied
        case parseError = "parse_error"
        case applyError = "apply_error"
        case rejectedUntrusted = "rejected_untrusted"
    }

    package private(set) var registry: Registry
    package private(set) var sync = SyncState()
    /// Models of the last snapshot that were refused. They do not hold up the others, but the gateway says so.
    package private(set) var rejections: [Rejection] = []

    private var seeds: Registry
    /// The control plane's bundles; nil before the first snapshot.
    private var installedBundles: [Bundle]?
    /// What snapshots and deltas brought, by model id; seeds that change do not take it away.
    private var learned: [String: ModelConfig] = [:]

    /// - Parameter registry: the seeds.
    package init(registry: Registry = .init()) {
        self.registry = registry
        seeds = registry
    }

    /// Takes other seeds, which stand where the control plane says nothing: its bundles, its models and where the
    /// gateway stands in following it stay as they are.
    package mutating func replaceSeeds(_ newSeeds: Registry) {
        seeds = newSeeds
        registry = seeds
        if let installedBundles { registry.replaceBundles(installedBundles) }
        for (_, model) in learned.sorted(by: { $0.key < $1.key }) {
            do throws(RegistryError) {
                try registry.add(model)
            } catch {
                // It was accepted before, so what contradicts it are the new seeds.
                registry.insert(model)
            }
        }
    }

    /// Adds a model that the control plane brought.
    private mutating func learn(_ model: ModelConfig) throws(RegistryError) -> Registry.Addition {
        let addition = try registry.add(model)
        learned[model.id] = learned[model.id]?.appending(model) ?? model
        return addition
    }

    /// Installs a snapshot of the control plane: bundles first, for models are checked against them. A model that is
    /// refused is noted and the rest goes on, so that one bad model cannot keep the gateway from following.
    ///
    /// - Returns: how many models brought something new.
    @discardableResult
    package mutating func apply(
        bundles: [Bundle], bundlesHash: String, export: ConfigServiceClient.Export
    ) -> Int {
        installedBundles = bundles
        registry.replaceBundles(bundles)
        rejections = []
        var applied = 0
        for model in export.models {
            guard let document = model.document else { continue }
            do {
                let addition = try learn(try ModelConfig(try document.get()))
                if !addition.createdProfiles.isEmpty { applied += 1 }
            } catch {
                rejections.append(Rejection(model: model.id, reason: "\(error)"))
            }
        }
        sync.applied(snapshotEpoch: export.epoch, bundlesHash: bundlesHash)
        return applied
    }

    /// Applies a delta from the control plane; only one that is accepted moves the epoch, so that the poller notices
    /// what was missed.
    package mutating func apply(_ delta: ConfigDelta, trust: ProducerTrust) -> (DeltaOutcome, reason: String?) {
        guard trust.trusts(delta.producerID) else {
            return (.rejectedUntrusted, "producer '\(delta.producerID)' is not trusted")
        }
        guard !delta.isEpochBump else {
            sync.advance(to: delta.epoch)
            return (.applied, nil)
        }
        let model: ModelConfig
        do {
            model = try ModelConfig(try YAMLNode(parsing: delta.modelConfig))
        } catch {
            return (.parseError, "\(error)")
        }
        do throws(RegistryError) {
            _ = try learn(model)
        } catch {
            return (.applyError, error.description)
        }
        sync.advance(to: delta.epoch)
        return (.applied, nil)
    }

    /// Follows a control plane that went back.
    package mutating func rewind(to epoch: UInt64) { sync.rewind(to: epoch) }
}
