import JSONStream

/// What one replica of the gateway tells of the demand (`GET /v1/demand`).
package struct GatewayDemand: Sendable, Hashable {
    /// A pair that was asked for and is not there.
    package struct Pending: Sendable, Hashable {
        package var group: WorkerGroupName
        /// Seconds since it was last asked for.
        package var idleSeconds: Double

        package init(_ group: WorkerGroupName, idleSeconds: Double = 0) {
            self.group = group
            self.idleSeconds = idleSeconds
        }
    }

    /// What waits on one worker.
    package struct Worker: Sendable, Hashable {
        package var name: String
        package var group: WorkerGroupName
        package var queueDepth: Int

        package init(_ name: String, _ group: WorkerGroupName, queueDepth: Int) {
            self.name = name
            self.group = group
            self.queueDepth = queueDepth
        }
    }

    package var pending: [Pending]
    package var workers: [Worker]

    package init(pending: [Pending] = [], workers: [Worker] = []) {
        self.pending = pending
        self.workers = workers
    }

    /// Reads the document; nil for one that is none. Entries without names are passed over.
    package init?(_ document: JSONValue) {
        guard let pending = document["pending"]?.arrayValue, let workers = document["workers"]?.arrayValue else {
            return nil
        }
        self.init(
            pending: pending.compactMap { entry in
                WorkerGroupName(entry).map {
                    Pending($0, idleSeconds: max(0, entry["idle_seconds"]?.doubleValue ?? 0))
                }
            },
            workers: workers.compactMap { entry in
                guard let group = WorkerGroupName(entry), let name = entry["name"]?.stringValue else { return nil }
                return Worker(name, group, queueDepth: max(0, entry["queue_depth"]?.intValue ?? 0))
            })
    }
}

/// A bundle on one kind of machine: what is scaled. Compared without case, as gateways do.
package struct WorkerGroupName: Sendable, Hashable, CustomStringConvertible {
    package let bundle: String
    package let machineProfile: String

    package init(bundle: String, machineProfile: String) {
        self.bundle = bundle.lowercased()
        self.machineProfile = machineProfile.lowercased()
    }

    fileprivate init?(_ entry: JSONValue) {
        guard let bundle = entry["bundle"]?.stringValue, let profile = entry["machine_profile"]?.stringValue,
            !bundle.isEmpty, !profile.isEmpty
        else { return nil }
        self.init(bundle: bundle, machineProfile: profile)
    }

    package var description: String { "\(bundle)/\(machineProfile)" }
}
