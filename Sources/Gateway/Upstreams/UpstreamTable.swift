/// The models of all upstreams, by the names that callers use.
package struct UpstreamTable: Sendable {
    package struct Entry: Sendable, Equatable {
        package var upstream: Upstream
        package var model: Upstream.Model
    }

    package let upstreams: [Upstream]
    private let entries: [String: Entry]

    package init(_ upstreams: [Upstream] = []) {
        self.upstreams = upstreams
        var entries: [String: Entry] = [:]
        for upstream in upstreams {
            for model in upstream.models { entries[model.id] = Entry(upstream: upstream, model: model) }
        }
        self.entries = entries
    }

    package var isEmpty: Bool { upstreams.isEmpty }

    /// The model of exactly this name.
    package subscript(model: String) -> Entry? { entries[model] }

    /// The largest body that any upstream takes.
    package var maximumRequestBytes: Int { upstreams.map(\.maximumRequestBytes).max() ?? 0 }

    /// For lists of models: name, owner and capabilities.
    package var listing: [(id: String, owner: String, capabilities: [String])] {
        upstreams.flatMap { upstream in
            upstream.models.map { ($0.id, upstream.id, $0.capabilities.map(\.rawValue).sorted()) }
        }
    }
}
