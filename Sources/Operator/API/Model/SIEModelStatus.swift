import Kubernetes

extension SIEModel {
    /// What became of a model.
    package struct Status: SIEStatus {
        package var observedGeneration: Int?
        package var conditions: Conditions
        package var lastHandledReconcileAt: String?
        package var registration: Registration?
        package var gateways: Gateways?
        /// The bundles that can serve the model, by distinct names.
        package var bundles: [Bundle]?
        /// For the columns of kubectl: `3/3 gateways, 4/4 workers`.
        package var summary: String?

        package init() { conditions = Conditions() }
    }

    /// What was sent to the config service, and what it answered.
    package struct Registration: Codable, Sendable, Hashable {
        /// Of the canonical document, 64 hexadecimal digits.
        package var payloadSHA256: String?
        /// The key of the last attempt; the same one is sent again after a crash.
        package var idempotencyKey: String?
        /// Counts up where a registered model was found missing.
        package var attempt: Int?
        package var registeredAt: Timestamp?
        /// The config service's epoch once the model was there; gateways are behind until theirs has reached it.
        package var configEpoch: Int?
        /// Who answered.
        package var routerID: String?
        /// The names of the registered profiles.
        package var profiles: [String]?
        /// What the config service warned of.
        package var warnings: [String]?

        package init(
            payloadSHA256: String? = nil, idempotencyKey: String? = nil, attempt: Int? = nil,
            registeredAt: Timestamp? = nil, configEpoch: Int? = nil, routerID: String? = nil,
            profiles: [String]? = nil, warnings: [String]? = nil
        ) {
            self.payloadSHA256 = payloadSHA256
            self.idempotencyKey = idempotencyKey
            self.attempt = attempt
            self.registeredAt = registeredAt
            self.configEpoch = configEpoch
            self.routerID = routerID
            self.profiles = profiles
            self.warnings = warnings
        }
    }

    /// What the replicas of the gateway said.
    package struct Gateways: Codable, Sendable, Hashable {
        /// A replica that does not route the model.
        package struct NotReady: Codable, Sendable, Hashable {
            package var pod: String
            package var reason: String?
            package var epoch: Int?
            package var message: String?

            package init(pod: String, reason: String? = nil, epoch: Int? = nil, message: String? = nil) {
                self.pod = pod
                self.reason = reason
                self.epoch = epoch
                self.message = message
            }
        }

        /// How many replicas are ready for traffic.
        package var total: Int?
        /// How many of these route the model.
        package var routable: Int?
        /// The lowest epoch among them.
        package var minEpoch: Int?
        package var lastProbeTime: Timestamp?
        /// At most 20.
        package var notReady: [NotReady]?

        package init(
            total: Int? = nil, routable: Int? = nil, minEpoch: Int? = nil, lastProbeTime: Timestamp? = nil,
            notReady: [NotReady]? = nil
        ) {
            self.total = total
            self.routable = routable
            self.minEpoch = minEpoch
            self.lastProbeTime = lastProbeTime
            self.notReady = notReady
        }
    }

    /// A bundle that can serve the model.
    package struct Bundle: Codable, Sendable, Hashable {
        package var name: String
        /// What workers of the bundle have to report once they hold the model.
        package var expectedHash: String?
        package var eligibleWorkers: Int?
        package var ackedWorkers: Int?
        package var acked: Bool?

        package init(
            name: String, expectedHash: String? = nil, eligibleWorkers: Int? = nil, ackedWorkers: Int? = nil,
            acked: Bool? = nil
        ) {
            self.name = name
            self.expectedHash = expectedHash
            self.eligibleWorkers = eligibleWorkers
            self.ackedWorkers = ackedWorkers
            self.acked = acked
        }
    }
}

extension SIEModel.Status {
    private enum CodingKeys: String, CodingKey {
        case observedGeneration, conditions, lastHandledReconcileAt, registration, gateways, bundles, summary
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        observedGeneration = try container.decodeIfPresent(Int.self, forKey: .observedGeneration)
        conditions = try container.decode(.conditions, default: Conditions())
        lastHandledReconcileAt = try container.decodeIfPresent(String.self, forKey: .lastHandledReconcileAt)
        registration = try container.decodeIfPresent(SIEModel.Registration.self, forKey: .registration)
        gateways = try container.decodeIfPresent(SIEModel.Gateways.self, forKey: .gateways)
        bundles = try container.decodeIfPresent([SIEModel.Bundle].self, forKey: .bundles)
        summary = try container.decodeIfPresent(String.self, forKey: .summary)
    }
}
