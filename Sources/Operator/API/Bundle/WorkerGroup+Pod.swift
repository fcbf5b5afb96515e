import JSONStream

extension SIEBundle.WorkerGroup {
    /// What a worker asks of its node, by resource; quantities.
    package struct Resources: Codable, Sendable, Hashable {
        package var requests: [String: IntOrString]?
        package var limits: [String: IntOrString]?

        package init(requests: [String: IntOrString]? = nil, limits: [String: IntOrString]? = nil) {
            self.requests = requests
            self.limits = limits
        }
    }

    /// A taint of nodes that workers bear (`v1.Toleration`).
    package struct Toleration: Codable, Sendable, Hashable {
        package enum Operator: String, SpecChoice {
            case exists = "Exists"
            case equal = "Equal"
        }

        package enum Effect: String, SpecChoice {
            case noSchedule = "NoSchedule"
            case preferNoSchedule = "PreferNoSchedule"
            case noExecute = "NoExecute"
        }

        package var key: String?
        package var `operator`: Operator?
        package var value: String?
        package var effect: Effect?
        package var tolerationSeconds: Int?

        package init(
            key: String? = nil, operator: Operator? = nil, value: String? = nil, effect: Effect? = nil,
            tolerationSeconds: Int? = nil
        ) {
            self.key = key
            self.operator = `operator`
            self.value = value
            self.effect = effect
            self.tolerationSeconds = tolerationSeconds
        }
    }

    /// A variable of the worker's container (`v1.EnvVar`).
    package struct EnvironmentVariable: Codable, Sendable, Hashable {
        package var name: String
        package var value: String?
        /// As in a pod; an open object.
        package var valueFrom: JSONValue?

        package init(name: String, value: String? = nil, valueFrom: JSONValue? = nil) {
            self.name = name
            self.value = value
            self.valueFrom = valueFrom
        }
    }

    /// How many workers may be evicted at once.
    package struct DisruptionBudget: Codable, Sendable, Hashable {
        private enum CodingKeys: String, CodingKey {
            case maxUnavailable, enabled
        }

        package var maxUnavailable: IntOrString
        package var enabled: Bool

        package init(maxUnavailable: IntOrString = .int(1), enabled: Bool = true) {
            self.maxUnavailable = maxUnavailable
            self.enabled = enabled
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            maxUnavailable = try container.decode(.maxUnavailable, default: .int(1))
            enabled = try container.decode(.enabled, default: true)
        }
    }

    /// Where workers keep the weights that they have loaded.
    package struct Cache: Codable, Sendable, Hashable {
        private enum CodingKeys: String, CodingKey {
            case type, sizeLimit, claimName, hostPath, clusterCacheURL, offline
        }

        package enum Kind: String, SpecChoice {
            case emptyDir = "EmptyDir"
            case persistentVolumeClaim = "PersistentVolumeClaim"
            case hostPath = "HostPath"
        }

        package var type: Kind
        /// A quantity.
        package var sizeLimit: String
        package var claimName: String?
        package var hostPath: String?
        /// A bucket that all workers share, such as `s3://models/cache`.
        package var clusterCacheURL: String?
        /// Whether workers never ask the Hugging Face hub.
        package var offline: Bool

        package init() {
            type = .emptyDir
            sizeLimit = "300Gi"
            offline = false
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(.type, default: .emptyDir)
            sizeLimit = try container.decode(.sizeLimit, default: "300Gi")
            claimName = try container.decodeIfPresent(String.self, forKey: .claimName)
            hostPath = try container.decodeIfPresent(String.self, forKey: .hostPath)
            clusterCacheURL = try container.decodeIfPresent(String.self, forKey: .clusterCacheURL)
            offline = try container.decode(.offline, default: false)
        }
    }
}
