extension SIEBundle.WorkerGroup {
    /// How the number of workers follows the demand.
    package struct Scaling: Codable, Sendable, Hashable {
        /// Who decides.
        package enum Engine: String, SpecChoice {
            /// KEDA, told by the operator the moment demand comes up.
            case externalPush = "ExternalPush"
            /// KEDA, by queries to Prometheus.
            case prometheus = "Prometheus"
            /// Something else, which the operator leaves alone.
            case external = "External"
            /// Nobody: there are `minReplicas` workers.
            case none = "None"
        }

        /// What KEDA does while it does not learn the demand.
        package struct Fallback: Codable, Sendable, Hashable {
            private enum CodingKeys: String, CodingKey {
                case failureThreshold, replicas, behavior
            }

            package enum Behavior: String, SpecChoice {
                case `static`, currentReplicas, currentReplicasIfHigher, currentReplicasIfLower
            }

            package var failureThreshold: Int
            package var replicas: Int
            package var behavior: Behavior

            package init(
                failureThreshold: Int = 3, replicas: Int = 2, behavior: Behavior = .currentReplicasIfHigher
            ) {
                self.failureThreshold = failureThreshold
                self.replicas = replicas
                self.behavior = behavior
            }

            package init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                failureThreshold = try container.decode(.failureThreshold, default: 3)
                replicas = try container.decode(.replicas, default: 2)
                behavior = try container.decode(.behavior, default: .currentReplicasIfHigher)
            }
        }

        package var engine: Engine
        /// For the engine `Prometheus`.
        package var prometheusAddress: String?
        package var pollingIntervalSeconds: Int
        /// How long the last worker stays after the last request.
        package var cooldownSeconds: Int
        /// How long the first workers stay without any request.
        package var initialCooldownSeconds: Int
        /// How many queued items one more worker is worth.
        package var queueDepthPerWorker: Int
        /// With more queued items than this, a group at zero wakes up.
        package var queueDepthActivation: Int
        package var scaleDownStabilizationSeconds: Int
        package var fallback: Fallback

        package init() {
            engine = .externalPush
            pollingIntervalSeconds = 15
            cooldownSeconds = 900
            initialCooldownSeconds = 300
            queueDepthPerWorker = 10
            queueDepthActivation = 2
            scaleDownStabilizationSeconds = 300
            fallback = Fallback()
        }
    }
}

extension SIEBundle.WorkerGroup.Scaling {
    private enum CodingKeys: String, CodingKey {
        case engine, prometheusAddress, pollingIntervalSeconds, cooldownSeconds, initialCooldownSeconds
        case queueDepthPerWorker, queueDepthActivation, scaleDownStabilizationSeconds, fallback
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        engine = try container.decode(.engine, default: engine)
        prometheusAddress = try container.decodeIfPresent(String.self, forKey: .prometheusAddress)
        pollingIntervalSeconds = try container.decode(.pollingIntervalSeconds, default: pollingIntervalSeconds)
        cooldownSeconds = try container.decode(.cooldownSeconds, default: cooldownSeconds)
        initialCooldownSeconds = try container.decode(.initialCooldownSeconds, default: initialCooldownSeconds)
        queueDepthPerWorker = try container.decode(.queueDepthPerWorker, default: queueDepthPerWorker)
        queueDepthActivation = try container.decode(.queueDepthActivation, default: queueDepthActivation)
        scaleDownStabilizationSeconds = try container.decode(
            .scaleDownStabilizationSeconds, default: scaleDownStabilizationSeconds)
        fallback = try container.decode(.fallback, default: fallback)
    }
}
