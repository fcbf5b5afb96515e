import JSONStream

/// A named group of workers that somebody holds for a while.
package struct Pool: Equatable, Sendable {
    package enum State: String, Sendable {
        /// It has fewer workers than it asked for.
        case pending
        case active
    }

    /// A worker that belongs to the pool.
    package struct Member: Equatable, Sendable {
        package var name: String
        package var url: String
        package var machineProfile: String
        package var bundle: String
        /// The pool whose queue the worker pulls from.
        package var queue: String

        package init(name: String, url: String, machineProfile: String, bundle: String, queue: String) {
            self.name = name
            self.url = url
            self.machineProfile = machineProfile
            self.bundle = bundle
            self.queue = queue
        }
    }

    /// How long a pool lives that names no time.
    package static let usualTimeToLiveSeconds = 1200

    package let specification: PoolSpecification
    package internal(set) var state: State = .pending
    package internal(set) var members: [Member] = []
    /// In Unix seconds, as is the next.
    package let createdAt: Double
    package internal(set) var lastRenewed: Double
    /// When its Lease was renewed last, by whichever gateway; nil without one.
    package internal(set) var leaseRenewed: Double?
    /// Whether another object, such as the operator's, owns its objects in the cluster.
    package internal(set) var isOwned = false
    /// Whether the operator holds its Lease.
    package internal(set) var isHeldByOperator = false

    package init(_ specification: PoolSpecification, createdAt: Double) {
        self.specification = specification
        self.createdAt = createdAt
        lastRenewed = createdAt
    }

    package var name: String { specification.name }
    /// The pool of every worker that belongs to no other: it is always there.
    package var isDefault: Bool { name == PoolTable.defaultName }
    /// Whether somebody else keeps it alive and ends it.
    package var isManaged: Bool { isOwned || isHeldByOperator }
    /// The last sign that somebody wants it.
    package var lastSign: Double { max(lastRenewed, leaseRenewed ?? lastRenewed) }

    package func isExpired(at now: Double) -> Bool {
        !isDefault && !isManaged
            && now - lastSign > Double(specification.timeToLiveSeconds ?? Self.usualTimeToLiveSeconds)
    }

    /// As the routes show it. The name also stands at the top, where TypeScript clients look for it.
    package var document: JSONValue {
        [
            "name": .string(name),
            "spec": specification.document,
            "status": [
                "state": .string(state.rawValue),
                "assigned_workers": .array(
                    members.map { member in
                        [
                            "name": .string(member.name), "url": .string(member.url),
                            "gpu": .string(member.machineProfile), "bundle": .string(member.bundle),
                        ]
                    }),
                "created_at": .double(createdAt),
                "last_renewed": .double(lastSign),
            ],
        ]
    }
}
