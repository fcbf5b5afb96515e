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

    /// - Parameter registry: the seeds.
    package init(registry: Registry = .init()) {
        self.registry = registry
    }

    /// Installs a snapshot of the control plane: bundles first, for models are checked against them. A model that is
    /// refused is noted and the rest goes on, so that one bad model cannot keep the gateway from following.
    ///
    /// - Returns: how many models brought something new.
    @discardableResult
    package mutating func apply(
        bundles: [Bundle], bundlesHash: String, export: ConfigServiceClient.Export
    ) -> Int {
        registry.replaceBundles(bundles)
        rejections = []
        var applied = 0
        for model in export.models {
            guard let document = model.document else { continue }
            do {
                let addition = try registry.add(try ModelConfig(try document.get()))
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
            try registry.add(model)
        } catch {
            return (.applyError, error.description)
        }
        sync.advance(to: delta.epoch)
        return (.applied, nil)
    }

    /// Follows a control plane that went back.
    package mutating func rewind(to epoch: UInt64) { sync.rewind(to: epoch) }
}
