/// A server of somebody else that speaks OpenAI's API and serves models that this cluster does not (delivery contract
/// 3.5).
package struct Upstream: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case openAI = "openai"
        case azureOpenAI = "azure-openai"
    }

    /// A route that a model can be reached on.
    package enum Capability: String, Sendable, CaseIterable {
        case responses
        case embeddings
        case chat

        /// The route of this gateway, and the end of an OpenAI server's URL.
        var path: String { self == .chat ? "chat/completions" : rawValue }
    }

    package struct Model: Sendable, Equatable {
        /// The name that callers use.
        package var id: String
        /// The upstream's own name of the model, or its deployment.
        package var upstream: String
        package var capabilities: Set<Capability>
    }

    package enum SecretSource: Sendable, Equatable {
        case none
        /// The value of a variable, read at start. Secret: never logged.
        case value(String)
        /// A file, read for each request, so that a key can be rotated.
        case file(String)
    }

    package struct Timeouts: Sendable, Equatable {
        package var connect = Duration.seconds(5)
        package var firstByte = Duration.seconds(60)
        package var idle = Duration.seconds(60)
        /// For answers that are no streams.
        package var total = Duration.seconds(600)
        /// For streams.
        package static let longestStream = Duration.seconds(3600)
    }

    /// In logs, metrics and `owned_by`; unique.
    package var id: String
    package var kind = Kind.openAI
    /// Without a slash at the end.
    package var baseURL: String
    /// Azure's dated API; empty for its v1.
    package var apiVersion = ""
    /// The header that carries the key: `authorization` with `Bearer`, or `api-key`.
    package var sendsBearer = true
    package var secret = SecretSource.none
    package var models: [Model] = []
    package var timeouts = Timeouts()
    package var maximumRequestBytes = 10 << 20
    package var maximumConcurrency = 64
    package var maximumRetries = 2
    /// Whether callers may let the upstream keep their answers, which all of them could then read.
    package var allowsStateful = false

    package init(id: String, baseURL: String) {
        self.id = id
        self.baseURL = baseURL
    }

    package func url(of model: Model, for capability: Capability) -> String {
        switch (kind, apiVersion) {
        case (.openAI, _): "\(baseURL)/\(capability.path)"
        case (.azureOpenAI, ""): "\(baseURL)/openai/v1/\(capability.path)"
        case (.azureOpenAI, let version) where capability == .responses:
            "\(baseURL)/openai/responses?api-version=\(version)"
        case (.azureOpenAI, let version):
            "\(baseURL)/openai/deployments/\(model.upstream)/\(capability.path)?api-version=\(version)"
        }
    }
}
