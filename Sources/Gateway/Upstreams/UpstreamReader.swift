import FoundationEssentials
import Settings
import YAML

/// Reads the entries of an upstreams file and gathers what is wrong with them.
struct UpstreamReader {
    let environment: Environment
    private(set) var problems: [String] = []

    init(environment: Environment) {
        self.environment = environment
    }

    private static let keys: Set = [
        "id", "kind", "base_url", "api_version", "auth", "models", "expected_host", "connect_timeout_s",
        "first_byte_timeout_s", "idle_timeout_s", "total_timeout_s", "max_request_bytes", "max_concurrency",
        "max_retries", "allow_stateful", "allow_insecure",
    ]

    mutating func read(_ node: YAMLNode, at number: Int) -> Upstream {
        let id = node["id"]?.string ?? ""
        let name = id.isEmpty ? "upstream \(number)" : "'\(id)'"
        if id.isEmpty { problems.append("\(name) has no 'id'") }
        for entry in node.mapping?.entries ?? [] where entry.key.string.map(Self.keys.contains) != true {
            problems.append("\(name): unknown key '\(entry.key.string ?? "?")'")
        }
        let address = node["base_url"]?.string ?? ""
        var upstream = Upstream(id: id, baseURL: String(address.reversed().drop { $0 == "/" }.reversed()))
        if let kind = node["kind"]?.string {
            if let known = Upstream.Kind(rawValue: kind) {
                upstream.kind = known
            } else {
                problems.append("\(name): 'kind' must be openai or azure-openai")
            }
        }
        checkAddress(
            upstream, allowsInsecure: node["allow_insecure"]?.bool ?? false,
            expectedHost: node["expected_host"]?.string ?? "")
        upstream.apiVersion = node["api_version"]?.string ?? ""
        readAuthorization(node["auth"], of: &upstream, name)
        readModels(node["models"], of: &upstream, name)
        upstream.timeouts.connect = seconds("connect_timeout_s", node, upstream.timeouts.connect, name)
        upstream.timeouts.firstByte = seconds("first_byte_timeout_s", node, upstream.timeouts.firstByte, name)
        upstream.timeouts.idle = seconds("idle_timeout_s", node, upstream.timeouts.idle, name)
        upstream.timeouts.total = seconds("total_timeout_s", node, upstream.timeouts.total, name)
        upstream.maximumRequestBytes = count(
            "max_request_bytes", node, upstream.maximumRequestBytes, in: 1...(256 << 20), name)
        upstream.maximumConcurrency = count("max_concurrency", node, upstream.maximumConcurrency, in: 1...10_000, name)
        upstream.maximumRetries = count("max_retries", node, upstream.maximumRetries, in: 0...10, name)
        upstream.allowsStateful = node["allow_stateful"]?.bool ?? false
        return upstream
    }

    /// Keys travel to it, so the address must be an encrypted one, and the one that was meant.
    mutating func checkAddress(_ upstream: Upstream, allowsInsecure: Bool, expectedHost: String) {
        let name = "'\(upstream.id)'"
        guard let url = URL(string: upstream.baseURL), let host = url.host, !host.isEmpty else {
            problems.append("\(name): 'base_url' is no URL")
            return
        }
        let isLoopback = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
        switch url.scheme {
        case "https": break
        case "http" where allowsInsecure || isLoopback: break
        default: problems.append("\(name): 'base_url' must be https (or set 'allow_insecure')")
        }
        if !expectedHost.isEmpty, expectedHost != host {
            problems.append("\(name): 'base_url' leads to '\(host)', not to the expected host '\(expectedHost)'")
        }
    }

    mutating func checkNames(of upstreams: [Upstream]) {
        var ids: Set<String> = []
        var models: Set<String> = []
        for upstream in upstreams {
            if !ids.insert(upstream.id).inserted { problems.append("the id '\(upstream.id)' is taken") }
            for model in upstream.models where !models.insert(model.id).inserted {
                problems.append("the model '\(model.id)' is listed twice")
            }
        }
    }

    private mutating func readAuthorization(_ node: YAMLNode?, of upstream: inout Upstream, _ name: String) {
        let mode = node?["mode"]?.string ?? (upstream.kind == .azureOpenAI ? "api-key" : "bearer")
        upstream.sendsBearer = mode == "bearer"
        guard mode != "none" else { return }
        guard ["bearer", "api-key"].contains(mode) else {
            problems.append("\(name): 'auth.mode' must be bearer, api-key or none")
            return
        }
        if let variable = node?["secret_env"]?.string {
            if let value = environment.string(variable) {
                upstream.secret = .value(value)
            } else {
                problems.append("\(name): the variable '\(variable)' is not set")
            }
        } else if let path = node?["secret_file"]?.string {
            upstream.secret = .file(path)
            if !FileManager.default.isReadableFile(atPath: path) { problems.append("\(name): \(path) cannot be read") }
        } else {
            problems.append("\(name): 'auth' needs 'secret_env' or 'secret_file' (or 'mode: none')")
        }
    }

    private mutating func readModels(_ node: YAMLNode?, of upstream: inout Upstream, _ name: String) {
        guard let list = node?.sequence, !list.isEmpty else {
            problems.append("\(name): 'models' must be a list")
            return
        }
        for (index, node) in list.enumerated() {
            guard let id = node["id"]?.string, !id.isEmpty else {
                problems.append("\(name): model \(index + 1) has no 'id'")
                continue
            }
            let words = node["capabilities"]?.sequence?.map { $0.string ?? "?" } ?? []
            let known = words.compactMap(Upstream.Capability.init)
            if known.isEmpty || known.count != words.count {
                problems.append("\(name): 'capabilities' of '\(id)' must be some of responses, embeddings, chat")
            }
            upstream.models.append(
                Upstream.Model(id: id, upstream: node["upstream"]?.string ?? id, capabilities: Set(known)))
        }
    }

    private mutating func seconds(
        _ key: String, _ node: YAMLNode, _ fallback: Duration, _ name: String
    ) -> Duration {
        guard let value = node[key], !value.isNull else { return fallback }
        guard let number = value.integer.map(Double.init) ?? value.number, number > 0, number <= 86_400 else {
            problems.append("\(name): '\(key)' must be a number of seconds above 0")
            return fallback
        }
        return .milliseconds(Int64(number * 1000))
    }

    private mutating func count(
        _ key: String, _ node: YAMLNode, _ fallback: Int, in range: ClosedRange<Int>, _ name: String
    ) -> Int {
        guard let value = node[key], !value.isNull else { return fallback }
        guard let number = value.integer, range.contains(number) else {
            problems.append("\(name): '\(key)' must be from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return number
    }
}
