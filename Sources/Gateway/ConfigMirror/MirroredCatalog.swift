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
    private var learned: [String: Learned] = [:]

    private struct Learned {
        var model: ModelConfig
        /// The epoch at which the control plane is known to have had it; nil for a model that it has lost since, by
        /// going back to an older state.
        var epoch: UInt64?
    }

    /// - Parameter registry: the seeds.
    package init(registry: Registry = .init()) {
        self.registry = registry
        seeds = registry
    }

    /// Takes other seeds, which stand where the control plane says nothing: its bundles, its models and where the
    /// gateway stands in following it stay as they are.
    package mutating func replaceSeeds(_ newSeeds: Registry) {
        seeds = newSeeds
        rebuild()
    }

    private mutating func rebuild() {
        registry = seeds
        if let installedBundles { registry.replaceBundles(installedBundles) }
        for (_, known) in learned.sorted(by: { $0.key < $1.key }) {
            do throws(RegistryError) {
                try registry.add(known.model)
            } catch {
                // It was accepted before, so what contradicts it are the seeds.
                registry.insert(known.model)
            }
        }
    }

    /// Adds a model that the control plane has at an epoch.
    private mutating func learn(_ model: ModelConfig, epoch: UInt64) throws(RegistryError) -> Registry.Addition {
        let addition = try registry.add(model)
        learned[model.id] = Learned(model: learned[model.id]?.model.appending(model) ?? model, epoch: epoch)
        return addition
    }

    /// Takes away what the control plane has deleted: models that it had, and that a snapshot of that time or later is
    /// without. One that went back to an older state has deleted nothing.
    private mutating func forget(missingFrom export: ConfigServiceClient.Export) {
        let listed = Set(export.models.map(\.id))
        let wentBack = export.epoch < sync.epoch
        var deleted: [String] = []
        for (id, known) in learned where !listed.contains(id) {
            if wentBack {
                learned[id]?.epoch = nil
            } else if let epoch = known.epoch, epoch <= export.epoch {
                deleted.append(id)
            }
        }
        guard !deleted.isEmpty else { return }
        for id in deleted { learned[id] = nil }
        rebuild()
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
        forget(missingFrom: export)
        rejections = []
        var applied = 0
        for model in export.models {
            guard let document = model.document else { continue }
            do {
                let config = try ModelConfig(try document.get())
                do throws(RegistryError) {
                    if !(try learn(config, epoch: export.epoch).createdProfiles.isEmpty) { applied += 1 }
                } catch .profileConflict {
                    // Newer control planes replace models. A snapshot is all they have, so it stands.
                    learned[config.id] = Learned(model: config, epoch: export.epoch)
                    registry.insert(config)
                    applied += 1
                }
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
            _ = try learn(model, epoch: delta.epoch)
        } catch {
            return (.applyError, error.description)
        }
        sync.advance(to: delta.epoch)
        return (.applied, nil)
    }

    /// Follows a control plane that went back.
    package mutating func rewind(to epoch: UInt64) { sync.rewind(to: epoch) }
}
