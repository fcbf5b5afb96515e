import JSONStream

extension SIEModel {
    /// What the catalogue shall say of a model, and when the object counts as ready.
    package struct Spec: SIESpec {
        /// Whether deleting the object asks the config service to forget the model.
        package enum DeletionPolicy: String, SpecChoice {
            case retain = "Retain"
            case delete = "Delete"
        }

        /// The public name, such as `BAAI/bge-m3`; `sie_id` of the document.
        package var modelID: String
        /// The repository on the Hugging Face hub.
        package var hfID: String?
        /// The pinned revision there.
        package var hfRevision: String?
        /// The bundle to prefer.
        package var defaultBundle: String?
        /// The most tokens of a sequence.
        package var maxSequenceLength: Int?
        /// The remaining top-level fields of the document, such as `inputs` and `tasks`; an object.
        package var metadata: JSONValue?
        /// The ways to run the model, by distinct names.
        package var profiles: [Profile]
        package var readiness: Readiness
        package var deletionPolicy: DeletionPolicy
        package var suspend: Bool

        package init(
            modelID: String, hfID: String? = nil, hfRevision: String? = nil, defaultBundle: String? = nil,
            maxSequenceLength: Int? = nil, metadata: JSONValue? = nil, profiles: [Profile],
            readiness: Readiness = Readiness(), deletionPolicy: DeletionPolicy = .retain, suspend: Bool = false
        ) {
            self.modelID = modelID
            self.hfID = hfID
            self.hfRevision = hfRevision
            self.defaultBundle = defaultBundle
            self.maxSequenceLength = maxSequenceLength
            self.metadata = metadata
            self.profiles = profiles
            self.readiness = readiness
            self.deletionPolicy = deletionPolicy
            self.suspend = suspend
        }
    }
}

extension SIEModel.Spec {
    private enum CodingKeys: String, CodingKey {
        case modelID, hfID, hfRevision, defaultBundle, maxSequenceLength, metadata, profiles, readiness
        case deletionPolicy, suspend
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        modelID = try container.decode(String.self, forKey: .modelID)
        hfID = try container.decodeIfPresent(String.self, forKey: .hfID)
        hfRevision = try container.decodeIfPresent(String.self, forKey: .hfRevision)
        defaultBundle = try container.decodeIfPresent(String.self, forKey: .defaultBundle)
        maxSequenceLength = try container.decodeIfPresent(Int.self, forKey: .maxSequenceLength)
        metadata = try container.decodeIfPresent(JSONValue.self, forKey: .metadata)
        profiles = try container.decode([SIEModel.Profile].self, forKey: .profiles)
        readiness = try container.decode(.readiness, default: SIEModel.Readiness())
        deletionPolicy = try container.decode(.deletionPolicy, default: .retain)
        suspend = try container.decode(.suspend, default: false)
    }
}
