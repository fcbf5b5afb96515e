import FoundationEssentials
import Settings
import YAML

/// The file that names upstreams, YAML or JSON, or the variables of Azure's tools in its place.
package enum UpstreamFile {
    /// Every problem of a file, so that they are mended in one go.
    package struct Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        package var problems: [String]
        package var description: String { "upstreams: " + problems.joined(separator: "; ") }
    }

    /// The upstreams that the environment names; none where it names none.
    ///
    /// - Parameter path: `SIE_GATEWAY_UPSTREAMS_FILE`.
    package static func load(path: String?, environment: Environment) throws(Invalid) -> UpstreamTable {
        guard let path else { return UpstreamTable(try azure(environment)) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw Invalid(problems: ["\(path) cannot be read"])
        }
        return try parse(String(decoding: data, as: UTF8.self), environment: environment)
    }

    package static func parse(_ text: String, environment: Environment) throws(Invalid) -> UpstreamTable {
        let document: YAMLNode
        do throws(YAMLError) {
            document = try YAMLNode(parsing: text)
        } catch {
            throw Invalid(problems: ["the file is no YAML: \(error)"])
        }
        guard let list = document["upstreams"]?.sequence ?? document.sequence else {
            throw Invalid(problems: ["'upstreams' must be a list"])
        }
        var reader = UpstreamReader(environment: environment)
        let upstreams = list.enumerated().map { reader.read($1, at: $0 + 1) }
        reader.checkNames(of: upstreams)
        guard reader.problems.isEmpty else { throw Invalid(problems: reader.problems) }
        return UpstreamTable(upstreams)
    }

    /// What `AZURE_OPENAI_ENDPOINT` and its kin describe.
    private static func azure(_ environment: Environment) throws(Invalid) -> [Upstream] {
        var upstreams: [Upstream] = []
        func add(_ id: String, endpoint: String?, key: String?, version: String?, _ models: [Upstream.Model]) {
            guard let endpoint, let key, !models.isEmpty else { return }
            var upstream = Upstream(id: id, baseURL: String(endpoint.reversed().drop { $0 == "/" }.reversed()))
            upstream.kind = .azureOpenAI
            upstream.apiVersion = version ?? ""
            upstream.sendsBearer = false
            upstream.secret = .value(key)
            upstream.models = models
            upstreams.append(upstream)
        }
        let answers = environment.string("CODEX_MODEL").map {
            Upstream.Model(id: $0, upstream: $0, capabilities: [.responses, .chat])
        }
        let embeddings = environment.string("EMBEDDING_DEPLOYMENT").map {
            Upstream.Model(id: $0, upstream: $0, capabilities: [.embeddings])
        }
        let endpoint = environment.string("AZURE_OPENAI_ENDPOINT")
        let key = environment.string("AZURE_OPENAI_API_KEY")
        add(
            "azure", endpoint: endpoint, key: key, version: environment.string("CODEX_API_VERSION"),
            answers.map { [$0] } ?? [])
        // Embeddings have an API version of their own, and may have a server of their own.
        add(
            "azure-embeddings", endpoint: environment.string("AZURE_OPENAI_EMBEDDING_ENDPOINT") ?? endpoint,
            key: environment.string("AZURE_OPENAI_EMBEDDING_API_KEY") ?? key,
            version: environment.string("EMBEDDINGS_API_VERSION"), embeddings.map { [$0] } ?? [])
        var reader = UpstreamReader(environment: environment)
        for upstream in upstreams { reader.checkAddress(upstream, allowsInsecure: false, expectedHost: "") }
        reader.checkNames(of: upstreams)
        guard reader.problems.isEmpty else { throw Invalid(problems: reader.problems) }
        return upstreams
    }
}
