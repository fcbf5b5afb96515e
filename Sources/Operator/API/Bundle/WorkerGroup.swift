import JSONStream

extension SIEBundle {
    /// The workers of a bundle on one kind of machine: one StatefulSet.
    package struct WorkerGroup: Codable, Sendable, Hashable {
        /// What requests ask for by name, such as `l4-spot`.
        package var machineProfile: String
        package var gpuType: String?
        package var gpuCount: Int
        /// The extended resource that a GPU is.
        package var gpuResource: String
        package var spot: Bool
        package var minReplicas: Int
        package var maxReplicas: Int
        /// Model ids that workers load before they are asked for them.
        package var preloadModels: [String]?
        package var resources: Resources?
        package var nodeSelector: [String: String]?
        package var tolerations: [Toleration]?
        package var runtimeClassName: String?
        package var priorityClassName: String?
        package var serviceAccountName: String?
        package var cache: Cache
        /// By distinct names.
        package var env: [EnvironmentVariable]?
        /// Laid over the pod template; an open object.
        package var podTemplateOverrides: JSONValue?
        package var disruptionBudget: DisruptionBudget
        package var terminationGracePeriodSeconds: Int
        package var scaling: Scaling

        package init(machineProfile: String) {
            self.machineProfile = machineProfile
            gpuCount = 0
            gpuResource = "nvidia.com/gpu"
            spot = false
            minReplicas = 0
            maxReplicas = 10
            cache = Cache()
            disruptionBudget = DisruptionBudget()
            terminationGracePeriodSeconds = 65
            scaling = Scaling()
        }
    }
}

extension SIEBundle.WorkerGroup {
    private enum CodingKeys: String, CodingKey {
        case machineProfile, gpuType, gpuCount, gpuResource, spot, minReplicas, maxReplicas, preloadModels, resources
        case nodeSelector, tolerations, runtimeClassName, priorityClassName, serviceAccountName, cache, env
        case podTemplateOverrides, disruptionBudget, terminationGracePeriodSeconds, scaling
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(machineProfile: try container.decode(String.self, forKey: .machineProfile))
        gpuType = try container.decodeIfPresent(String.self, forKey: .gpuType)
        gpuCount = try container.decode(.gpuCount, default: gpuCount)
        gpuResource = try container.decode(.gpuResource, default: gpuResource)
        spot = try container.decode(.spot, default: spot)
        minReplicas = try container.decode(.minReplicas, default: minReplicas)
        maxReplicas = try container.decode(.maxReplicas, default: maxReplicas)
        preloadModels = try container.decodeIfPresent([String].self, forKey: .preloadModels)
        resources = try container.decodeIfPresent(Resources.self, forKey: .resources)
        nodeSelector = try container.decodeIfPresent([String: String].self, forKey: .nodeSelector)
        tolerations = try container.decodeIfPresent([Toleration].self, forKey: .tolerations)
        runtimeClassName = try container.decodeIfPresent(String.self, forKey: .runtimeClassName)
        priorityClassName = try container.decodeIfPresent(String.self, forKey: .priorityClassName)
        serviceAccountName = try container.decodeIfPresent(String.self, forKey: .serviceAccountName)
        cache = try container.decode(.cache, default: cache)
        env = try container.decodeIfPresent([EnvironmentVariable].self, forKey: .env)
        podTemplateOverrides = try container.decodeIfPresent(JSONValue.self, forKey: .podTemplateOverrides)
        disruptionBudget = try container.decode(.disruptionBudget, default: disruptionBudget)
        terminationGracePeriodSeconds = try container.decode(
            .terminationGracePeriodSeconds, default: terminationGracePeriodSeconds)
        scaling = try container.decode(.scaling, default: scaling)
    }
}
