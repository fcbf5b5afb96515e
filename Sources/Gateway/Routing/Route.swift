import Wire

/// Where a request goes: everything about it that does not depend on its body.
package struct Route: Equatable, Sendable {
    /// Canonical model id.
    package var modelID: String
    package var profileID: String
    package var bundle: String
    /// Hash the worker is expected to have; `""` when unknown.
    package var bundleConfigHash: String
    /// Resolved machine profile; `""` when none was asked for.
    package var machineProfile: String
    /// The pool whose queue takes the work.
    package var pool: String
    /// Whether a healthy worker is known to pull from the pool. Only then may its stream be created: pool names come
    /// from callers.
    package var poolIsServed: Bool
    /// Demand to record: a profile was asked for that no healthy worker of the bundle has.
    package var unmetDemand: PendingDemand.Lane?

    package init(
        modelID: String, profileID: String = "default", bundle: String, bundleConfigHash: String = "",
        machineProfile: String = "", pool: String, poolIsServed: Bool = true, unmetDemand: PendingDemand.Lane? = nil
    ) {
        self.modelID = modelID
        self.profileID = profileID
        self.bundle = bundle
        self.bundleConfigHash = bundleConfigHash
        self.machineProfile = machineProfile
        self.pool = pool
        self.poolIsServed = poolIsServed
        self.unmetDemand = unmetDemand
    }
}

/// Why a request goes nowhere. Each case is one row of the contract's table of answers.
package enum RouteRefusal: Error, Equatable, Sendable {
    case invalidModel(ModelPath.Rejection)
    /// Registered, but no bundle has its adapters.
    case modelWithoutBundle(model: String)
    case unknownModel(String)
    case incompatibleBundle(String, model: String, compatible: [String])
    /// The model's document names its tasks, and this is none of them.
    case unsupportedOperation(WorkItem.Operation, model: String)
    case machineProfileNotConfigured(String, configured: [String])
    case invalidPool(String)
    /// No worker serves this yet: the caller is to come back.
    case provisioning(machineProfile: String, bundle: String, demand: PendingDemand.Lane)
}
