import Kubernetes

extension SIEPool {
    /// What became of a pool.
    package struct Status: SIEStatus {
        /// As gateways name it.
        package enum State: String, SpecChoice {
            case pending, active, expired
        }

        /// How many gateway replicas know the pool.
        package struct Gateways: Codable, Sendable, Hashable {
            package var total: Int?
            package var seeing: Int?

            package init(total: Int? = nil, seeing: Int? = nil) {
                self.total = total
                self.seeing = seeing
            }
        }

        /// How many workers the pool has and wants.
        package struct Workers: Codable, Sendable, Hashable {
            package var assigned: Int?
            package var desired: Int?

            package init(assigned: Int? = nil, desired: Int? = nil) {
                self.assigned = assigned
                self.desired = desired
            }
        }

        package var observedGeneration: Int?
        package var conditions: Conditions
        package var lastHandledReconcileAt: String?
        /// What gateways call the pool.
        package var poolName: String?
        package var state: State?
        /// The ConfigMap that gateways read.
        package var configMapName: String?
        /// The Lease beside it.
        package var leaseName: String?
        package var lastRenewTime: Timestamp?
        /// Renewals that failed since the last one that did not.
        package var renewFailures: Int?
        package var gateways: Gateways?
        package var workers: Workers?
        /// The labels of the pool's workers, for the scale subresource.
        package var selector: String?

        package init() { conditions = Conditions() }
    }
}

extension SIEPool.Status {
    private enum CodingKeys: String, CodingKey {
        case observedGeneration, conditions, lastHandledReconcileAt, poolName, state, configMapName, leaseName
        case lastRenewTime, renewFailures, gateways, workers, selector
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        observedGeneration = try container.decodeIfPresent(Int.self, forKey: .observedGeneration)
        conditions = try container.decode(.conditions, default: Conditions())
        lastHandledReconcileAt = try container.decodeIfPresent(String.self, forKey: .lastHandledReconcileAt)
        poolName = try container.decodeIfPresent(String.self, forKey: .poolName)
        state = try container.decodeIfPresent(State.self, forKey: .state)
        configMapName = try container.decodeIfPresent(String.self, forKey: .configMapName)
        leaseName = try container.decodeIfPresent(String.self, forKey: .leaseName)
        lastRenewTime = try container.decodeIfPresent(Timestamp.self, forKey: .lastRenewTime)
        renewFailures = try container.decodeIfPresent(Int.self, forKey: .renewFailures)
        gateways = try container.decodeIfPresent(Gateways.self, forKey: .gateways)
        workers = try container.decodeIfPresent(Workers.self, forKey: .workers)
        selector = try container.decodeIfPresent(String.self, forKey: .selector)
    }
}
