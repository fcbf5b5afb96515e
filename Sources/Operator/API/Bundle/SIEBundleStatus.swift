extension SIEBundle {
    /// What became of a bundle.
    package struct Status: SIEStatus {
        /// The bundle as the config service reads it.
        package struct Definition: Codable, Sendable, Hashable {
            package var configMap: String?
            package var key: String?
            /// Of the text in the ConfigMap.
            package var sha256: String?
            /// Whether the config service says the same.
            package var advertised: Bool?
            /// The config service's hash over all bundles.
            package var bundlesHash: String?

            package init(
                configMap: String? = nil, key: String? = nil, sha256: String? = nil, advertised: Bool? = nil,
                bundlesHash: String? = nil
            ) {
                self.configMap = configMap
                self.key = key
                self.sha256 = sha256
                self.advertised = advertised
                self.bundlesHash = bundlesHash
            }
        }

        /// What became of the workers on one kind of machine.
        package struct Group: Codable, Sendable, Hashable {
            package var machineProfile: String
            package var statefulSet: String?
            package var replicas: Int?
            package var readyReplicas: Int?
            package var updatedReplicas: Int?
            package var scaledObject: String?
            /// Whether KEDA sees demand.
            package var active: Bool?
            /// Whether KEDA does not learn the demand.
            package var fallback: Bool?
            package var message: String?

            package init(machineProfile: String) { self.machineProfile = machineProfile }
        }

        package var observedGeneration: Int?
        package var conditions: Conditions
        package var lastHandledReconcileAt: String?
        /// What the catalogue calls the bundle.
        package var bundleName: String?
        package var definition: Definition?
        /// By distinct machine profiles.
        package var groups: [Group]?
        /// The sum over all groups.
        package var replicas: Int?
        /// The sum over all groups.
        package var readyReplicas: Int?
        /// How many models the bundle can serve.
        package var modelCount: Int?

        package init() { conditions = Conditions() }
    }
}

extension SIEBundle.Status {
    private enum CodingKeys: String, CodingKey {
        case observedGeneration, conditions, lastHandledReconcileAt, bundleName, definition, groups, replicas
        case readyReplicas, modelCount
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        observedGeneration = try container.decodeIfPresent(Int.self, forKey: .observedGeneration)
        conditions = try container.decode(.conditions, default: Conditions())
        lastHandledReconcileAt = try container.decodeIfPresent(String.self, forKey: .lastHandledReconcileAt)
        bundleName = try container.decodeIfPresent(String.self, forKey: .bundleName)
        definition = try container.decodeIfPresent(Definition.self, forKey: .definition)
        groups = try container.decodeIfPresent([Group].self, forKey: .groups)
        replicas = try container.decodeIfPresent(Int.self, forKey: .replicas)
        readyReplicas = try container.decodeIfPresent(Int.self, forKey: .readyReplicas)
        modelCount = try container.decodeIfPresent(Int.self, forKey: .modelCount)
    }
}
