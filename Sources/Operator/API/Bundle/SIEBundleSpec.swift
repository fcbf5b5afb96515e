extension SIEBundle {
    /// What the catalogue shall say of a bundle, and the workers to run for it.
    package struct Spec: SIESpec {
        /// What becomes of the workers when the object is deleted.
        package enum DeletionPolicy: String, SpecChoice {
            case drain = "Drain"
            case orphan = "Orphan"
        }

        /// A Secret that opens an image registry.
        package struct PullSecret: Codable, Sendable, Hashable {
            package var name: String

            package init(name: String) { self.name = name }
        }

        /// Nil means the name of the object.
        package var bundleName: String?
        /// The lower one wins where several bundles can serve a model.
        package var priority: Int
        /// Whether models without a bundle of their own go here; the oldest such bundle of a namespace counts.
        package var `default`: Bool
        /// The adapter modules, each once.
        package var adapters: [String]
        package var allowAdapterRemoval: Bool
        package var image: Image?
        package var imagePullSecrets: [PullSecret]?
        /// By distinct machine profiles; none means that the workers come from elsewhere.
        package var workerGroups: [WorkerGroup]?
        package var rollout: Rollout
        package var deletionPolicy: DeletionPolicy
        package var suspend: Bool

        package init(
            bundleName: String? = nil, priority: Int = 100, default: Bool = false, adapters: [String],
            allowAdapterRemoval: Bool = false, image: Image? = nil, imagePullSecrets: [PullSecret]? = nil,
            workerGroups: [WorkerGroup]? = nil, rollout: Rollout = Rollout(),
            deletionPolicy: DeletionPolicy = .drain, suspend: Bool = false
        ) {
            self.bundleName = bundleName
            self.priority = priority
            self.default = `default`
            self.adapters = adapters
            self.allowAdapterRemoval = allowAdapterRemoval
            self.image = image
            self.imagePullSecrets = imagePullSecrets
            self.workerGroups = workerGroups
            self.rollout = rollout
            self.deletionPolicy = deletionPolicy
            self.suspend = suspend
        }
    }
}

extension SIEBundle.Spec {
    private enum CodingKeys: String, CodingKey {
        case bundleName, priority, `default`, adapters, allowAdapterRemoval, image, imagePullSecrets, workerGroups
        case rollout, deletionPolicy, suspend
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        bundleName = try container.decodeIfPresent(String.self, forKey: .bundleName)
        priority = try container.decode(.priority, default: 100)
        `default` = try container.decode(.default, default: false)
        adapters = try container.decode([String].self, forKey: .adapters)
        allowAdapterRemoval = try container.decode(.allowAdapterRemoval, default: false)
        image = try container.decodeIfPresent(SIEBundle.Image.self, forKey: .image)
        imagePullSecrets = try container.decodeIfPresent([PullSecret].self, forKey: .imagePullSecrets)
        workerGroups = try container.decodeIfPresent([SIEBundle.WorkerGroup].self, forKey: .workerGroups)
        rollout = try container.decode(.rollout, default: SIEBundle.Rollout())
        deletionPolicy = try container.decode(.deletionPolicy, default: .drain)
        suspend = try container.decode(.suspend, default: false)
    }
}
