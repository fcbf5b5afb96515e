import MessagePack

/// What the work items of all requests for one model on one lane say alike, encoded once.
public struct WorkItemTemplate: Sendable {
    /// operation, model_id, profile_id, pool_name, machine_profile, and the key of the item, which follows
    let lane: [UInt8]
    /// bundle_config_hash, router_id
    let origin: [UInt8]

    /// - Parameter shared: a work item of the lane; what belongs to its request is ignored.
    public init(_ shared: WorkItem) {
        var lane = MessagePackWriter(capacity: 256)
        lane.write("operation" as StaticString)
        lane.write(shared.operation)
        lane.write("model_id" as StaticString)
        lane.write(shared.modelID)
        lane.write("profile_id" as StaticString)
        lane.write(shared.profileID)
        lane.write("pool_name" as StaticString)
        lane.write(shared.pool)
        lane.write("machine_profile" as StaticString)
        lane.write(shared.machineProfile)
        lane.write("item" as StaticString)
        self.lane = lane.bytes
        var origin = MessagePackWriter(capacity: 160)
        origin.write("bundle_config_hash" as StaticString)
        origin.write(shared.bundleConfigHash)
        origin.write("router_id" as StaticString)
        origin.write(shared.routerID)
        self.origin = origin.bytes
    }
}
