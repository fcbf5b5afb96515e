import Catalog
import Wire

/// Decides where a request goes: model, profile, bundle, machine profile, pool. Pure: the catalogue, the lanes, the pools
/// and the configured machine profiles in, a route or a refusal out.
package struct RequestRouter: Sendable {
    package var registry: Registry
    package var lanes: LaneTable
    /// The pools that callers hold. Their workers are theirs alone.
    package var pools = PoolRouting()
    /// Machine profiles of the cluster by configuration; empty means that any is accepted.
    package var configuredMachineProfiles: [String]

    package init(registry: Registry = .init(), lanes: LaneTable = .init(), configuredMachineProfiles: [String] = []) {
        self.registry = registry
        self.lanes = lanes
        self.configuredMachineProfiles = configuredMachineProfiles
    }

    /// - Parameter operation: what is asked of the model; nil where that is not to be judged.
    package func route(
        _ path: ModelPath, _ selection: LaneSelection, for operation: WorkItem.Operation? = nil
    ) -> Result<Route, RouteRefusal> {
        do throws(RouteRefusal) {
            return .success(try resolve(path, selection, operation))
        } catch {
            return .failure(error)
        }
    }

    private func resolve(
        _ path: ModelPath, _ selection: LaneSelection, _ operation: WorkItem.Operation?
    ) throws(RouteRefusal) -> Route {
        let target = try target(of: path, pinned: selection.pool != nil)
        if let operation, let model = registry.model(named: target.modelID), !model.mayServe(operation) {
            throw .unsupportedOperation(operation, model: path.modelID)
        }
        guard
            let profile = LaneSelection.resolve(
                profile: selection.machineProfile, configured: configuredMachineProfiles)
        else {
            throw .machineProfileNotConfigured(selection.machineProfile, configured: configuredMachineProfiles)
        }
        if let pinned = selection.pool { return try self.route(target, profile, toPool: pinned) }
        // Demand without a profile would match no autoscaler query; the first configured profile stands in.
        let demanded = profile.isEmpty ? configuredMachineProfiles.first ?? "" : profile
        let demand = PendingDemand.Lane(machineProfile: demanded, bundle: target.bundle)
        let match = lanes.lane(bundle: target.bundle, machineProfile: profile, outside: pools)
        guard let pool = match?.pool else {
            throw .provisioning(machineProfile: profile, bundle: target.bundle, demand: demand)
        }
        // Workers may report any name.
        guard Subjects.isValidPool(pool) else { throw .invalidPool(pool) }
        return route(target, profile, queue: pool, unmetDemand: nil)
    }

    /// The caller has chosen the pool: that of workers started for it, or one that somebody holds.
    private func route(
        _ target: Target, _ profile: String, toPool pool: String
    ) throws(RouteRefusal) -> Route {
        guard Subjects.isValidPool(pool) else { throw .invalidPool(pool) }
        let demanded = profile.isEmpty ? pools.usualMachineProfile(of: pool) ?? "" : profile
        let demand = PendingDemand.Lane(machineProfile: demanded, bundle: target.bundle)
        var queue = pool
        if pools.isReserved(pool), !lanes.isServed(pool: pool) {
            guard let shared = pools.queue(of: pool, bundle: target.bundle, machineProfile: profile) else {
                throw .provisioning(machineProfile: profile, bundle: target.bundle, demand: demand)
            }
            queue = shared
        }
        let isMet = profile.isEmpty || lanes.lane(bundle: target.bundle, machineProfile: profile) != nil
        return route(target, profile, queue: queue, unmetDemand: isMet ? nil : demand)
    }

    private func route(
        _ target: Target, _ profile: String, queue: String, unmetDemand: PendingDemand.Lane?
    ) -> Route {
        Route(
            modelID: target.modelID, profileID: target.profileID, bundle: target.bundle,
            bundleConfigHash: registry.bundleConfigHash(of: target.bundle), machineProfile: profile, pool: queue,
            poolIsServed: lanes.isServed(pool: queue), unmetDemand: unmetDemand)
    }

    private struct Target {
        var modelID: String
        var profileID: String
        var bundle: String
    }

    private func target(of path: ModelPath, pinned: Bool) throws(RouteRefusal) -> Target {
        guard let match = ModelNaming.resolve(path.modelID, in: registry) else {
            // Before the first configuration arrives nothing is known. A caller that pins its pool knows what it
            // does; anyone else is better told than left to wait for a worker that will not understand.
            guard registry.models.isEmpty, pinned else { throw .unknownModel(path.modelID) }
            return Target(modelID: path.modelID, profileID: "default", bundle: path.bundle ?? "default")
        }
        let bundles = registry.bundles(servingModel: match.modelID)
        guard let best = bundles.first else { throw .modelWithoutBundle(model: path.modelID) }
        if let wanted = path.bundle, !bundles.contains(wanted) {
            throw .incompatibleBundle(wanted, model: path.modelID, compatible: bundles)
        }
        return Target(modelID: match.modelID, profileID: match.profile ?? "default", bundle: path.bundle ?? best)
    }
}

extension ModelConfig {
    /// Whether the document allows an operation: it names the task, or it names none at all.
    package func mayServe(_ operation: WorkItem.Operation) -> Bool {
        let outputs = outputs
        guard !outputs.isEmpty else { return true }
        switch operation {
        case .encode: return outputs.contains { $0 != "score" && $0 != "json" }
        case .score: return outputs.contains("score")
        case .extract: return outputs.contains("json")
        }
    }
}
