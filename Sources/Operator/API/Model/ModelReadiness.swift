extension SIEModel {
    /// When a model counts as ready.
    package struct Readiness: Codable, Sendable, Hashable {
        package enum Policy: String, SpecChoice {
            /// When the config service has it.
            case registered = "Registered"
            /// When every gateway replica routes it.
            case routable = "Routable"
            /// When, beyond that, workers have said that they hold its configuration.
            case acked = "Acked"
        }

        /// What bundles without any worker mean to the policy `Acked`.
        package enum ScaledToZero: String, SpecChoice {
            case countsAsAcked = "CountsAsAcked"
            case wait = "Wait"
        }

        package var policy: Policy
        package var scaledToZero: ScaledToZero
        /// How many workers have to acknowledge; nil means all that can serve the model.
        package var minAckedWorkers: Int?
        /// After how long without becoming ready the object counts as stalled.
        package var progressDeadlineSeconds: Int

        package init(
            policy: Policy = .routable, scaledToZero: ScaledToZero = .countsAsAcked, minAckedWorkers: Int? = nil,
            progressDeadlineSeconds: Int = 900
        ) {
            self.policy = policy
            self.scaledToZero = scaledToZero
            self.minAckedWorkers = minAckedWorkers
            self.progressDeadlineSeconds = progressDeadlineSeconds
        }
    }
}

extension SIEModel.Readiness {
    private enum CodingKeys: String, CodingKey {
        case policy, scaledToZero, minAckedWorkers, progressDeadlineSeconds
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        policy = try container.decode(.policy, default: .routable)
        scaledToZero = try container.decode(.scaledToZero, default: .countsAsAcked)
        minAckedWorkers = try container.decodeIfPresent(Int.self, forKey: .minAckedWorkers)
        progressDeadlineSeconds = try container.decode(.progressDeadlineSeconds, default: 900)
    }
}
