extension SIEBundle {
    /// How workers are replaced when their pods change.
    package struct Rollout: Codable, Sendable, Hashable {
        package enum Strategy: String, SpecChoice {
            case rollingUpdate = "RollingUpdate"
            case onDelete = "OnDelete"
        }

        package var strategy: Strategy
        /// Workers of lower ordinals stay as they are.
        package var partition: Int
        /// How many workers may be away at once, as a number or a percentage.
        package var maxUnavailable: IntOrString
        /// Whether a new version that crashes stops the rollout.
        package var pauseOnFailure: Bool

        package init(
            strategy: Strategy = .rollingUpdate, partition: Int = 0, maxUnavailable: IntOrString = .int(1),
            pauseOnFailure: Bool = true
        ) {
            self.strategy = strategy
            self.partition = partition
            self.maxUnavailable = maxUnavailable
            self.pauseOnFailure = pauseOnFailure
        }
    }
}

extension SIEBundle.Rollout {
    private enum CodingKeys: String, CodingKey {
        case strategy, partition, maxUnavailable, pauseOnFailure
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        strategy = try container.decode(.strategy, default: .rollingUpdate)
        partition = try container.decode(.partition, default: 0)
        maxUnavailable = try container.decode(.maxUnavailable, default: .int(1))
        pauseOnFailure = try container.decode(.pauseOnFailure, default: true)
    }
}
