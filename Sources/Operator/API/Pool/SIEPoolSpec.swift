import Kubernetes

extension SIEPool {
    /// How many workers of which kind a pool asks for, and how long it lasts.
    package struct Spec: SIESpec {
        /// Who renews the pool's lease.
        package enum Renewal: String, SpecChoice {
            /// The operator.
            case managed = "Managed"
            /// Clients, by the gateway's API; the pool expires without them.
            case clientRenewed = "ClientRenewed"
        }

        /// Whether the scaler keeps the pool's workers up without traffic.
        package enum WarmCapacity: String, SpecChoice {
            case none = "None"
            case reserve = "Reserve"
        }

        /// What becomes of the object when the pool expires.
        package enum ExpiryAction: String, SpecChoice {
            case markExpired = "MarkExpired"
            case deleteResource = "DeleteResource"
        }

        /// What becomes of the pool when the object is deleted.
        package enum DeletionPolicy: String, SpecChoice {
            case delete = "Delete"
            case orphan = "Orphan"
        }

        /// How many workers of one machine profile.
        package struct GPU: Codable, Sendable, Hashable {
            package var machineProfile: String
            package var count: Int

            package init(machineProfile: String, count: Int) {
                self.machineProfile = machineProfile
                self.count = count
            }
        }

        /// Nil means the name of the object.
        package var poolName: String?
        /// Nil leaves the bundle open.
        package var bundle: String?
        /// By distinct machine profiles.
        package var gpus: [GPU]
        package var minimumWorkerCount: Int
        /// How long gateways keep the pool after the last renewal.
        package var ttlSeconds: Int
        package var renewal: Renewal
        /// When the pool ends whoever renews it.
        package var expiresAt: Timestamp?
        package var warmCapacity: WarmCapacity
        package var onExpire: ExpiryAction
        package var deletionPolicy: DeletionPolicy
        package var suspend: Bool

        package init(
            poolName: String? = nil, bundle: String? = nil, gpus: [GPU], minimumWorkerCount: Int = 0,
            ttlSeconds: Int = 1200, renewal: Renewal = .managed, expiresAt: Timestamp? = nil,
            warmCapacity: WarmCapacity = .none, onExpire: ExpiryAction = .markExpired,
            deletionPolicy: DeletionPolicy = .delete, suspend: Bool = false
        ) {
            self.poolName = poolName
            self.bundle = bundle
            self.gpus = gpus
            self.minimumWorkerCount = minimumWorkerCount
            self.ttlSeconds = ttlSeconds
            self.renewal = renewal
            self.expiresAt = expiresAt
            self.warmCapacity = warmCapacity
            self.onExpire = onExpire
            self.deletionPolicy = deletionPolicy
            self.suspend = suspend
        }
    }
}

extension SIEPool.Spec {
    private enum CodingKeys: String, CodingKey {
        case poolName, bundle, gpus, minimumWorkerCount, ttlSeconds, renewal, expiresAt, warmCapacity, onExpire
        case deletionPolicy, suspend
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        poolName = try container.decodeIfPresent(String.self, forKey: .poolName)
        bundle = try container.decodeIfPresent(String.self, forKey: .bundle)
        gpus = try container.decode([GPU].self, forKey: .gpus)
        minimumWorkerCount = try container.decode(.minimumWorkerCount, default: 0)
        ttlSeconds = try container.decode(.ttlSeconds, default: 1200)
        renewal = try container.decode(.renewal, default: .managed)
        expiresAt = try container.decodeIfPresent(Timestamp.self, forKey: .expiresAt)
        warmCapacity = try container.decode(.warmCapacity, default: .none)
        onExpire = try container.decode(.onExpire, default: .markExpired)
        deletionPolicy = try container.decode(.deletionPolicy, default: .delete)
        suspend = try container.decode(.suspend, default: false)
    }
}
