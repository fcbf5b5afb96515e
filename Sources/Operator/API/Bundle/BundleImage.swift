extension SIEBundle {
    /// The image of a bundle's workers.
    package struct Image: Codable, Sendable, Hashable {
        /// What the image was built for.
        package enum Platform: String, SpecChoice {
            case cpu, cuda11, cuda12, rocm, metal
        }

        package enum PullPolicy: String, SpecChoice {
            case always = "Always"
            case ifNotPresent = "IfNotPresent"
            case never = "Never"
        }

        package var repository: String
        package var tag: String?
        /// `sha256:` and 64 hexadecimal digits.
        package var digest: String?
        /// Whether the tag becomes `<tag>-<platform>-<bundle>`.
        package var appendVariant: Bool
        package var platform: Platform
        package var pullPolicy: PullPolicy
        /// Whether nodes load the image before a worker needs it.
        package var prepull: Bool

        package init(
            repository: String, tag: String? = nil, digest: String? = nil, appendVariant: Bool = false,
            platform: Platform = .cpu, pullPolicy: PullPolicy = .ifNotPresent, prepull: Bool = false
        ) {
            self.repository = repository
            self.tag = tag
            self.digest = digest
            self.appendVariant = appendVariant
            self.platform = platform
            self.pullPolicy = pullPolicy
            self.prepull = prepull
        }
    }
}

extension SIEBundle.Image {
    private enum CodingKeys: String, CodingKey {
        case repository, tag, digest, appendVariant, platform, pullPolicy, prepull
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        repository = try container.decode(String.self, forKey: .repository)
        tag = try container.decodeIfPresent(String.self, forKey: .tag)
        digest = try container.decodeIfPresent(String.self, forKey: .digest)
        appendVariant = try container.decode(.appendVariant, default: false)
        platform = try container.decode(.platform, default: .cpu)
        pullPolicy = try container.decode(.pullPolicy, default: .ifNotPresent)
        prepull = try container.decode(.prepull, default: false)
    }
}
